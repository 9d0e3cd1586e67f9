package leioci

import (
	"errors"
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
)

// Annotations of an artifact's manifest by which its publisher says how long it is good. Values are
// times by [RFC 3339], which are not in a leap second. Other clients ignore them.
//
// [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339
const (
	AnnotationValidUntil = artifact.AnnotationValidUntil
	AnnotationNextUpdate = artifact.AnnotationNextUpdate
)

// ValidUntil says until when the snapshot is good, as the annotation [AnnotationValidUntil]. After
// that, a pull refuses it with [ErrStale], whichever source it comes from. A signature of the
// artifact covers it, so that nobody can serve an old snapshot as the newest for longer.
//
// The time must be after the artifact was created. The same directory has the same digest only with
// the same time: derive it from the snapshot's, as `leioci push --valid-for` does.
func ValidUntil(t time.Time) PackageOption {
	return func(p *packaging) error { return p.setTime(&p.validity.Until, "valid until", t) }
}

// NextUpdate says when the next snapshot is due, as the annotation [AnnotationNextUpdate].
// [Client.Watch] checks again then, and takes the time from the artifact's creation until then for
// the period of those that follow; from ten minutes to 32 days, or else it goes by its interval.
// The time must be after the artifact was created, and not after the one of [ValidUntil].
func NextUpdate(t time.Time) PackageOption {
	return func(p *packaging) error { return p.setTime(&p.validity.Next, "next update", t) }
}

func (p *packaging) setTime(field *time.Time, what string, t time.Time) error {
	t = t.Truncate(time.Second) // as the annotation has it
	if !artifact.Writable(t) {
		return fmt.Errorf("%s: no time that can be written: %v", what, t)
	}
	*field = t
	return nil
}

// checkValidity refuses times that make a snapshot good for nobody.
func (p *packaging) checkValidity() error {
	until, next := p.validity.Until, p.validity.Next
	switch {
	case !until.IsZero() && !until.After(p.created):
		return fmt.Errorf("valid until %s: the snapshot was created after that, at %s", rfc3339(until), rfc3339(p.created))
	case !next.IsZero() && !next.After(p.created):
		return fmt.Errorf("next update at %s: the snapshot was created after that, at %s", rfc3339(next), rfc3339(p.created))
	case !until.IsZero() && next.After(until):
		return fmt.Errorf("next update at %s: the snapshot is valid until %s only", rfc3339(next), rfc3339(until))
	}
	for _, annotation := range []string{AnnotationValidUntil, AnnotationNextUpdate} {
		if _, ok := p.annotations[annotation]; ok {
			return errors.New("annotation " + annotation + ": set it with ValidUntil or NextUpdate")
		}
	}
	return nil
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
