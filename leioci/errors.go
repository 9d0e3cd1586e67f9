package leioci

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The kinds of failure that a caller may want to tell apart with errors.Is. Each is wrapped
// together with its cause: if a registry responded, errors.As finds its [*transport.Error], with
// the status and the registry's own codes.
var (
	// ErrInvalidReference: a reference, repository or tag is not valid by the OCI distribution
	// specification.
	ErrInvalidReference = errdef.ErrInvalidReference
	// ErrNotFound: a registry, a layout or an archive has no such repository, tag, manifest or blob.
	ErrNotFound = errdef.ErrNotFound
	// ErrUnauthorized: the registry requires credentials, or did not accept those it was given; or
	// the storage that it redirects to did not accept the URL it gave. The message says which.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrDenied: the registry knows who is asking, and refuses; or the storage that it redirects to
	// refuses.
	ErrDenied = errors.New("denied")
	// ErrVerification: content does not match its expected digest or size.
	ErrVerification = errdef.ErrVerification
	// ErrNotSnapshot: a manifest or a directory is not an LEI snapshot. Package snapshot reports it
	// too.
	ErrNotSnapshot = errdef.ErrNotSnapshot
	// ErrUnsupportedManifest: a manifest is not an OCI or Docker image manifest with a config.
	ErrUnsupportedManifest = errdef.ErrUnsupportedManifest
	// ErrTooLarge: a manifest, blob or file exceeds its limit. Package snapshot reports it too.
	ErrTooLarge = errdef.ErrTooLarge
	// ErrTargetNotEmpty: a directory to pull into is neither absent, nor empty, nor an earlier
	// snapshot, or it cannot be replaced for what it is: a mount point, the working directory,
	// immutable, or another user's in a directory such as /tmp.
	ErrTargetNotEmpty = errdef.ErrTargetNotEmpty
	// ErrOlder: a push would move a tag back to an older snapshot, or a pull of a moving tag would
	// replace a directory's snapshot with an older one.
	ErrOlder = errdef.ErrOlder
	// ErrTagExists: a push does not replace what a tag holds, because of [NoOverwrite], or because the
	// registry does not let it be overwritten.
	ErrTagExists = errdef.ErrTagExists
	// ErrStale: a snapshot is older than [MaxAge] allows, or it is not good any more, as its publisher
	// says ([ValidUntil]).
	ErrStale = errdef.ErrStale
	// ErrFuture: a snapshot is dated later than tomorrow (UTC).
	ErrFuture = errdef.ErrFuture
	// ErrStalled: no byte moved for the stall timeout ([WithStallTimeout]), in every attempt that
	// the retry policy allows ([WithRetry]).
	ErrStalled = errdef.ErrStalled
	// ErrUntrusted: a [Verifier] refused the artifact, failed, or had not decided when the context
	// ended. Its own error is wrapped.
	ErrUntrusted = errdef.ErrUntrusted
	// ErrInsecure: credentials would have been sent over http. They were not.
	ErrInsecure = errdef.ErrInsecure
)

// PushError is a push that failed after its first upload began. It says what is true of the tags
// now. Every tag of the push is in exactly one of its lists.
type PushError struct {
	// Digest is the manifest that was being pushed. If that failed before all files were hashed, it
	// names the repository only, and DigestStr is empty.
	Digest name.Digest
	// Pushed are the tags that now point to Digest, in the order given.
	Pushed []string
	// Failed are the others, in the order given.
	Failed []TagError
}

// TagError says why a tag was not moved.
type TagError struct {
	Tag string
	// Unknown is set if the tag may have been moved all the same: the request was sent, no clear
	// response came from the registry, and the tag was not seen to hold the manifest afterwards.
	Unknown bool
	Err     error
}

// Error names the tags that were moved and those that were not, each with the reason. A reason that
// successive tags share is given once.
func (e *PushError) Error() string {
	moved := "none"
	if len(e.Pushed) > 0 {
		moved = strings.Join(e.Pushed, ", ")
	}
	var reasons []string
	for i := 0; i < len(e.Failed); {
		first, tags := e.Failed[i], ""
		for ; i < len(e.Failed) && fmt.Sprint(e.Failed[i].Err) == fmt.Sprint(first.Err); i++ {
			tags = strings.TrimPrefix(tags+", "+e.Failed[i].Tag, ", ")
		}
		first.Tag = tags
		reasons = append(reasons, first.Error())
	}
	return fmt.Sprintf("push %s: tags moved: %s; failed: %s", strings.TrimSuffix(e.Digest.String(), "@"), moved, strings.Join(reasons, "; "))
}

// Unwrap returns the reasons of all failed tags.
func (e *PushError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}

// Error names the tag and the reason.
func (e TagError) Error() string {
	if e.Unknown {
		return fmt.Sprintf("%s (unknown whether it was moved): %v", e.Tag, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Tag, e.Err)
}

// Unwrap returns the reason.
func (e TagError) Unwrap() error { return e.Err }
