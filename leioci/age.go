package leioci

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// AllowOlder lets a pull of a moving tag replace a snapshot by one with an older date.
func AllowOlder() PullOption {
	return func(p *pulling) error {
		p.allowOlder = true
		return nil
	}
}

// MaxAge refuses a snapshot whose date, taken as midnight UTC, is more than d ago, or has no date: [ErrStale], before
// anything is replaced. It holds for a snapshot that the directory holds already, too. The default is no limit.
func MaxAge(d time.Duration) PullOption {
	return func(p *pulling) error {
		if d <= 0 {
			return fmt.Errorf("maximum age of %v: want more than 0", d)
		}
		p.maxAge = d
		return nil
	}
}

// refuse returns an error if a snapshot of the given date may not come into dir, or stay there.
func (p *pulling) refuse(dir string, date time.Time) error {
	if err := p.refuseStale(date); err != nil {
		return err
	}
	if p.allowOlder || date.IsZero() {
		return nil
	}
	if old := metadataOf(dir).Date; date.Before(old) {
		return fmt.Errorf("%w: %s holds the snapshot of %s, this one is of %s; allow it with AllowOlder (--allow-older)", ErrOlder,
			dir, old.Format(time.DateOnly), date.Format(time.DateOnly))
	}
	return nil
}

// refuseAnnotated is refuse by the date that a manifest is annotated with, where it is.
func (p *pulling) refuseAnnotated(dir string, m *v1.Manifest) error {
	date, err := time.Parse(time.DateOnly, m.Annotations[annotationVersion])
	if err != nil {
		return nil //nolint:nilerr // the original writes none; manifest.json will tell
	}
	return p.refuse(dir, date)
}

func (p *pulling) refuseStale(date time.Time) error {
	if p.maxAge == 0 {
		return nil
	}
	if date.IsZero() {
		return fmt.Errorf("%w: it has no date, and is to be at most %s old", ErrStale, inDays(p.maxAge))
	}
	if age := time.Since(date); age > p.maxAge {
		return fmt.Errorf("%w: it is of %s, %s ago, and is to be at most %s old: does its publisher still publish?", ErrStale,
			date.Format(time.DateOnly), inDays(age), inDays(p.maxAge))
	}
	return nil
}

// inDays writes a duration as a person would say it of something that is made daily.
func inDays(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.Round(time.Minute).String()
}
