package main

import (
	"errors"
	"io/fs"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// The exit statuses. Scripts branch on them, so they stay what they are.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitStale       = 3   // too old, older than what is there, or of a future date
	exitUnverified  = 4   // content is not what it should be
	exitDenied      = 5   // unauthorised, or not allowed
	exitRisk        = 6   // a repository is at risk
	exitNotFound    = 7   // no such tag, manifest or snapshot
	exitUndecided   = 8   // a repository is unknown, or its risk undetermined
	exitInterrupted = 130 // what a shell reports for a program killed by SIGINT
)

// exitHelp explains the exit statuses in the command's help.
const exitHelp = `    0  success
    1  failure
    2  wrong usage
    3  stale, older than what is there, or dated in the future
    4  verification failed
    5  unauthorised or denied
    6  risk found
    7  not found
    8  undecided: a repository is unknown, or its risk undetermined
  130  interrupted`

// A decision is an outcome other than success that is no failure.
type decision struct {
	status int
	error
}

func (d decision) Unwrap() error { return d.error }

// exitStatus returns the exit status for what a command returned. Of several that apply, the one
// that says most about what to do comes first.
func exitStatus(err error) int {
	var usage usageError
	var decided decision
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &decided):
		return decided.status
	case errors.Is(err, leioci.ErrUntrusted): // whatever kept its signatures from being read
		return exitUnverified
	case isAny(err, leioci.ErrUnauthorized, leioci.ErrDenied):
		return exitDenied
	case isAny(err, leioci.ErrStale, leioci.ErrOlder, leioci.ErrFuture):
		return exitStale
	case isAny(err, leioci.ErrVerification, snapshot.ErrMismatch, snapshot.ErrMalformed, snapshot.ErrCorrupt, snapshot.ErrChanged):
		return exitUnverified
	case errors.Is(err, leioci.ErrNotFound), errors.Is(err, fs.ErrNotExist) && !isMkdir(err):
		return exitNotFound
	}
	return exitFailure
}

// isMkdir reports whether a directory could not be made. That something was not found there is not
// what was asked for.
func isMkdir(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Op == "mkdir"
}

func isAny(err error, kinds ...error) bool {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
