package artifact

import "time"

// now returns the time. A clock that shows a time before this was written is wrong, like that of a
// machine without a battery after it starts. It does not turn every snapshot into one of the
// future, nor make one that has expired good again.
func now() time.Time {
	now := time.Now().UTC()
	if written := time.Date(2026, time.November, 25, 0, 0, 0, 0, time.UTC); now.Before(written) {
		return written
	}
	return now
}

// IsFuture reports whether a snapshot's date is later than tomorrow, in UTC: where it is already
// tomorrow, snapshots have that date.
func IsFuture(date time.Time) bool {
	now := now()
	tomorrow := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)
	return date.After(tomorrow)
}
