package target

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// RefuseAnnotated returns errdef.ErrStale or errdef.ErrOlder if the policy refuses the snapshot
// that m describes, as far as its annotations tell. If they give no date, the check is left to
// manifest.json.
func (d *Dir) RefuseAnnotated(m *v1.Manifest) error {
	date, ok := artifact.Date(m)
	if !ok {
		return nil
	}
	return d.refuse(date)
}

// refuse returns an error if a snapshot of the given date must not enter the directory.
func (d *Dir) refuse(date time.Time) error {
	if err := d.refuseStale(date); err != nil {
		return err
	}
	if d.policy.AllowOlder || date.IsZero() {
		return nil
	}
	if old := metadataOf(d.path).Date; date.Before(old) {
		return fmt.Errorf("%w: %s holds the snapshot of %s, this one is of %s; allow it with AllowOlder (--allow-older)", errdef.ErrOlder,
			d.path, old.Format(time.DateOnly), date.Format(time.DateOnly))
	}
	return nil
}

func (d *Dir) refuseStale(date time.Time) error {
	limit := d.policy.MaxAge
	if limit == 0 {
		return nil
	}
	if date.IsZero() {
		return fmt.Errorf("%w: it has no date, and is to be at most %s old", errdef.ErrStale, inDays(limit))
	}
	if age := time.Since(date); age > limit {
		return fmt.Errorf("%w: it is of %s, %s ago, and is to be at most %s old: does its publisher still publish?", errdef.ErrStale,
			date.Format(time.DateOnly), inDays(age), inDays(limit))
	}
	return nil
}

// inDays formats a duration the way one speaks of something published daily.
func inDays(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.Round(time.Minute).String()
}
