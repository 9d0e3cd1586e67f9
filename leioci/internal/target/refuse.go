package target

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// RefuseAnnotated returns an error if the policy refuses the snapshot that m describes, as far as
// that is known before anything is fetched: from its manifest.json if an earlier pull read that, or
// else from the annotations. The errors: errdef.ErrFuture, errdef.ErrStale, errdef.ErrOlder, and
// for a manifest.json that is not LEI's errdef.ErrNotSnapshot or errdef.ErrTooLarge.
func (d *Dir) RefuseAnnotated(m *v1.Manifest) error {
	if _, err := d.validity(m); err != nil {
		return err
	}
	if files, err := artifact.Files(m); err == nil {
		if known, ok := d.memory.known(files[0].Descriptor.Digest); ok {
			return d.judge(known)
		}
	}
	date, ok := artifact.Date(m)
	if !ok {
		return nil // manifest.json will tell
	}
	return d.refuse(date)
}

// validity returns how long the snapshot that m describes is good, or an error if it is not any
// more.
func (d *Dir) validity(m *v1.Manifest) (artifact.Validity, error) {
	v, err := artifact.ValidityOf(m)
	if err == nil {
		err = v.Check(d.policy.ClockAllowance)
	}
	return v, err
}

// judge returns an error if a snapshot with this manifest.json may not come into the directory.
func (d *Dir) judge(m metadata) error {
	if m.err != nil {
		return m.err
	}
	return d.refuse(m.date)
}

// refuse returns an error if a snapshot of the given date may not come into the directory.
func (d *Dir) refuse(date time.Time) error {
	if err := d.refuseAge(date); err != nil {
		return err
	}
	if d.policy.AllowOlder {
		return nil
	}
	old, err := metadataOf(d.path)
	if err != nil || artifact.IsFuture(old.Date) || !date.Before(old.Date) {
		return nil //nolint:nilerr // what cannot be read has no date to keep to
	}
	return fmt.Errorf("%w: %s has the snapshot of %s, and this one is dated %s; allow it with %w", errdef.ErrOlder,
		d.path, old.Date.Format(time.DateOnly), date.Format(time.DateOnly), errdef.AllowOlder)
}

// refuseAge returns an error if a snapshot of the given date is too old, or not of this time.
func (d *Dir) refuseAge(date time.Time) error {
	if artifact.IsFuture(date) && !d.policy.AllowFuture {
		return fmt.Errorf("%w: it is dated %s, and today is %s; check the clocks of this machine and of its publisher, or allow it with %w",
			errdef.ErrFuture, date.Format(time.DateOnly), time.Now().UTC().Format(time.DateOnly), errdef.AllowFuture)
	}
	limit := d.policy.MaxAge
	if limit == 0 {
		return nil
	}
	if date.IsZero() {
		return fmt.Errorf("%w: it has no date, and at most %s old is allowed", errdef.ErrStale, inDays(limit))
	}
	if age := time.Since(date); age > limit {
		return fmt.Errorf("%w: it is dated %s, %s ago, and at most %s old is allowed; does its publisher still publish?", errdef.ErrStale,
			date.Format(time.DateOnly), inDays(age), inDays(limit))
	}
	return nil
}

// inDays writes a duration as a person would say it of something that is made daily.
func inDays(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d == day:
		return "1 day"
	}
	return d.Round(time.Minute).String()
}
