// Package errdef holds the error kinds that several packages report and package leioci exports.
//
// They have their own package so that an internal package can report a kind of error without
// importing the package that uses it.
package errdef

import "errors"

// The kinds. Package leioci documents each under the same name.
var (
	ErrInvalidReference    = errors.New("invalid reference")
	ErrNotFound            = errors.New("not found")
	ErrVerification        = errors.New("content does not match its digest or size")
	ErrTooLarge            = errors.New("larger than the limit")
	ErrUnsupportedManifest = errors.New("unsupported manifest")
	ErrNotSnapshot         = errors.New("not an LEI snapshot")
	ErrTargetNotEmpty      = errors.New("target cannot be replaced")
	ErrOlder               = errors.New("older snapshot")
	ErrTagExists           = errors.New("tag exists")
	ErrStale               = errors.New("stale snapshot")
	ErrFuture              = errors.New("snapshot is dated in the future")
	ErrUntrusted           = errors.New("not trusted")
	ErrStalled             = errors.New("stalled")
	ErrInsecure            = errors.New("insecure")
)
