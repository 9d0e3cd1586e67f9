package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// days is a duration flag that also accepts days, such as 2d, because snapshots are published
// daily.
type days time.Duration

const day = 24 * time.Hour

func (d *days) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (*days) Type() string { return "duration" }

func (d *days) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if number, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(number, 10, 16)
		parsed = time.Duration(n) * day
	}
	if err != nil || parsed <= 0 {
		return errors.New("must be positive, in days or hours, such as 2d or 36h")
	}
	*d = days(parsed)
	return nil
}

// describeAge gives the date of a snapshot and its age.
func describeAge(res *leioci.PullResult, now time.Time) string {
	if res.Date.IsZero() { // a pull checks digests, not whether manifest.json is valid
		return "snapshot of unknown date"
	}
	return describeDate(res.Date, now)
}

// describeDate gives the date of a snapshot, and how long ago that is.
func describeDate(date, now time.Time) string {
	return fmt.Sprintf("snapshot of %s, %s", date.Format(time.DateOnly), ageText(date, now))
}

// ageText says how long ago a date is.
func ageText(date, now time.Time) string {
	switch n := int(now.Sub(date) / day); {
	case now.Before(date):
		return "dated in the future"
	case n == 1:
		return "1 day old"
	case n > 1:
		return fmt.Sprintf("%d days old", n)
	}
	return "dated today"
}
