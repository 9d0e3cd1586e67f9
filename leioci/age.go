package leioci

import (
	"fmt"
	"time"
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

func (p *pulling) refuseStale(date time.Time) error {
	if p.maxAge == 0 {
		return nil
	}
	if date.IsZero() {
		return fmt.Errorf("%w: it has no date, and is to be at most %v old", ErrStale, p.maxAge)
	}
	if age := time.Since(date); age > p.maxAge {
		return fmt.Errorf("%w: it is of %s, %v ago, and is to be at most %v old: does its publisher still publish?", ErrStale,
			date.Format(time.DateOnly), age.Round(time.Minute), p.maxAge)
	}
	return nil
}
