package artifact

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The annotations by which a publisher says how long a snapshot is good. They are in the manifest,
// so that whoever signs its digest signs them. Their values are times by RFC 3339.
const (
	AnnotationValidUntil = "dev.lowendinsight.valid-until"
	AnnotationNextUpdate = "dev.lowendinsight.next-update"
)

// A Validity is what a manifest says about the time for which its snapshot is good.
type Validity struct {
	Until time.Time // the last moment; zero if it does not say
	Next  time.Time // when the next snapshot is due; zero if it does not say
	Made  time.Time // when the artifact was; zero if it does not say
}

// ValidityOf reads the annotations of m. A time that cannot be read makes a snapshot stale
// (errdef.ErrStale): its publisher meant to limit it.
func ValidityOf(m *v1.Manifest) (v Validity, err error) {
	for annotation, t := range map[string]*time.Time{AnnotationValidUntil: &v.Until, AnnotationNextUpdate: &v.Next} {
		text, ok := m.Annotations[annotation]
		if !ok {
			continue
		}
		if *t, err = time.Parse(time.RFC3339, strings.ToUpper(text)); err != nil || !Writable(*t) { // t and z are as good
			return Validity{}, fmt.Errorf("%w: annotation %s is %.40q, not a time", errdef.ErrStale, annotation, text)
		}
	}
	v.Made, _ = time.Parse(time.RFC3339, m.Annotations[AnnotationCreated]) // which limits nothing
	return v, nil
}

// Writable reports whether RFC 3339 can write a time in UTC, and it is one.
func Writable(t time.Time) bool {
	year := t.UTC().Year()
	return !t.IsZero() && year >= 0 && year <= 9999
}

// Check returns errdef.ErrStale if the time has passed. allowance is how far this machine's clock
// may be ahead.
func (v Validity) Check(allowance time.Duration) error {
	if v.Until.IsZero() {
		return nil
	}
	if late := now().Sub(v.Until); late > allowance {
		return fmt.Errorf("%w: it was valid until %s, %s ago; has its publisher stopped, or is this source not current? %w accepts it for longer",
			errdef.ErrStale, v.Until.UTC().Format(time.RFC3339), late.Round(time.Minute), errdef.ClockAllowance)
	}
	return nil
}
