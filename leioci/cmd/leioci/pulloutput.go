package main

import (
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// pullHelp explains what pull prints.
const pullHelp = `Prints the digest reference of the snapshot in the directory and, to standard error, its age. As JSON,
these are the members format_version (1), ref (with the digest), requested (as given), digest,
directory, source (the repository, the mirror, the layout or the archive that it came from), up_to_date,
verified (true if the reports were checked), bytes_fetched, date, created and age_days; the last three
are left out if manifest.json has no valid date. ` + validityHelp

// A pullDocument is what pull prints as JSON.
type pullDocument struct {
	FormatVersion int    `json:"format_version"`
	Ref           string `json:"ref"`
	Requested     string `json:"requested"`
	Digest        string `json:"digest"`
	Directory     string `json:"directory"`
	Source        string `json:"source"`
	UpToDate      bool   `json:"up_to_date"`
	Verified      bool   `json:"verified"`
	BytesFetched  int64  `json:"bytes_fetched"`
	Date          string `json:"date,omitempty"`
	Created       string `json:"created,omitempty"`
	AgeDays       *int   `json:"age_days,omitempty"` // as in an overview
	validityJSON
}

// newPullDocument describes a pull of what was requested.
func newPullDocument(requested, dir string, res *leioci.PullResult, verified bool, now time.Time) pullDocument {
	source := res.From.Place().String()
	if res.Source.RepositoryStr() != "" { // or a mirror
		source = res.Source.String()
	}
	d := pullDocument{
		FormatVersion: formatVersion, Ref: res.From.String(), Requested: requested, Digest: res.Digest.String(),
		Directory: dir, Source: source, UpToDate: res.UpToDate, Verified: verified, BytesFetched: res.BytesFetched,
		validityJSON: newValidity(res),
	}
	if !res.Date.IsZero() {
		age := ageDays(res.Date, now)
		d.Date, d.Created, d.AgeDays = res.Date.Format(time.DateOnly), res.Created.Format(time.RFC3339Nano), &age
	}
	return d
}

// ageDays is how many whole days ago a date is. It is negative in the future.
func ageDays(date, now time.Time) int { return int(now.UTC().Truncate(day).Sub(date) / day) }

// printPull says what a pull came to.
func printPull(env environment, network *networkFlags, f *format, d pullDocument, res *leioci.PullResult) error {
	outcome := "pulled into"
	if d.UpToDate {
		outcome = "up to date in"
	}
	from := ""
	if res.Source != res.Ref.Context() {
		from = " from " + d.Source
	}
	checked := ""
	if d.Verified {
		checked = ", verified"
	}
	network.say(env, "%s %s%s%s%s: %s\n", outcome, d.Directory, from, checked, d.describe(), describeAge(res, time.Now()))
	if f.isJSON() {
		return writeJSON(env.stdout, d)
	}
	_, err := fmt.Fprintln(env.stdout, d.Ref)
	return err
}
