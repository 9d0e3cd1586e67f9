package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// sourceDateVariable is the environment variable that gives what is built its time, so that it can
// be built again: https://reproducible-builds.org/specs/source-date-epoch/.
const sourceDateVariable = "SOURCE_DATE_EPOCH"

// createdTime returns when a snapshot was made, according to a flag, the environment or the clock.
func createdTime(env environment, flag string, now time.Time) (time.Time, error) {
	from, text := "--created", flag
	if text == "" {
		from, text = sourceDateVariable, env.getenv(sourceDateVariable)
	}
	if text == "" {
		return now, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return t, usageError{fmt.Errorf("%s %.40q: %w", from, text, err)}
	}
	return t, nil
}

// parseTime reads a time as manifest.json or SOURCE_DATE_EPOCH have it.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if seconds, notSeconds := strconv.ParseInt(text, 10, 64); notSeconds == nil {
		t, err = time.Unix(seconds, 0), nil
	}
	// What is beyond is a mistake, such as milliseconds.
	if t = t.UTC(); err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return t, errors.New("want a time such as 2026-02-08T03:00:00Z, or the seconds since 1970")
	}
	return t, nil
}

// parseDate reads the value of --date. Without one, it returns the day of created.
func parseDate(flag string, created time.Time) (time.Time, error) {
	if flag == "" {
		return created.UTC(), nil
	}
	date, err := time.Parse(time.DateOnly, flag)
	if err != nil || date.Year() < 1 || date.IsZero() { // to a Writer, the zero time is no date
		return date, usageError{fmt.Errorf("--date %.40q: want a day such as 2026-02-08", flag)}
	}
	return date, nil
}
