package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// An overview is what import and verify print of a snapshot that is in order. In JSON, these are
// its members, of which others may follow.
type overview struct {
	FormatVersion  int             `json:"format_version"`
	Snapshot       string          `json:"snapshot"`         // DIR or REF, as given
	Digest         string          `json:"digest,omitempty"` // digest reference of REF
	Verified       bool            `json:"verified"`         // always true
	Indexed        bool            `json:"indexed"`          // DIR has an index that was used or made
	Date           string          `json:"date"`             // YYYY-MM-DD
	AgeDays        int             `json:"age_days"`         // since Date, in UTC; negative in the future
	Created        time.Time       `json:"created"`          // RFC 3339
	LEIVersion     string          `json:"lei_version"`      // may be empty
	Reports        int64           `json:"reports"`          //
	Repositories   int64           `json:"repositories"`     // as manifest.json lists them
	Risks          riskCounts      `json:"risks"`            // number of reports
	Riskiest       []riskyOverview `json:"riskiest"`         // at most ten, the worst first
	RawSize        int64           `json:"raw_size"`         // bytes of all reports
	CompressedSize int64           `json:"compressed_size"`  // bytes of cache.jsonl.gz
}

type riskCounts struct {
	Critical     int64 `json:"critical"`
	High         int64 `json:"high"`
	Medium       int64 `json:"medium"`
	Low          int64 `json:"low"`
	Undetermined int64 `json:"undetermined"`
	Other        int64 `json:"other"` // any other value
	None         int64 `json:"none"`  // no value
}

type riskyOverview struct {
	Repo string `json:"repo"`
	Risk string `json:"risk"`
}

// newOverview describes a snapshot that was verified.
func newOverview(ctx context.Context, s *snapshot.Snapshot, sum snapshot.Summary, now time.Time) (*overview, error) {
	if err := checkManifest(s); err != nil {
		return nil, err
	}
	meta := s.Metadata()
	o := &overview{
		FormatVersion: formatVersion, Verified: true,
		Date: meta.Date.Format(time.DateOnly), AgeDays: int(now.UTC().Truncate(day).Sub(meta.Date) / day),
		Created: meta.Created, LEIVersion: meta.LEIVersion,
		Reports: sum.Reports, RawSize: meta.RawSize, CompressedSize: meta.CompressedSize,
		Risks: riskCounts{
			sum.Risks["critical"], sum.Risks["high"], sum.Risks["medium"], sum.Risks["low"], sum.Risks["undetermined"],
			sum.OtherRisks, sum.Risks[""],
		},
		Riskiest: make([]riskyOverview, len(sum.Riskiest)), // not nil: JSON has an array in any case
	}
	for i, r := range sum.Riskiest {
		o.Riskiest[i] = riskyOverview(r)
	}
	for _, err := range s.Repos() {
		if err != nil {
			return nil, err
		}
		if o.Repositories++; ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return o, nil
}

// checkManifest reads manifest.json, of which a snapshot with an index has a copy there.
func checkManifest(s *snapshot.Snapshot) error {
	f := s.Files()[0]
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	meta, err := snapshot.ReadMetadata(r)
	if err == nil && meta != s.Metadata() {
		err = fmt.Errorf("%s: %w", f.Name(), snapshot.ErrChanged)
	}
	return err
}

// print prints an overview in the format that was asked for.
func (o *overview) print(w io.Writer, f *format) error {
	if f.isJSON() {
		return writeJSON(w, o)
	}
	_, err := io.WriteString(w, o.text())
	return err
}

// text is an overview for a person.
func (o *overview) text() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s%s\n", label, visible(fmt.Sprintf(format, args...)))
	}
	line("snapshot", "%s, verified%s", visible(o.Snapshot), map[bool]string{true: " and indexed"}[o.Indexed])
	if o.Digest != "" {
		fmt.Fprintf(&b, "%-14s%s\n", "digest", replaceControl(o.Digest)) // to be copied, so never shortened
	}
	line("date", "%s, %s", o.Date, o.age())
	by := ""
	if o.LEIVersion != "" {
		by = " by LowEndInsight " + o.LEIVersion
	}
	line("made", "%s%s", o.Created.Format(time.RFC3339), by)
	line("size", "%s, of %s of reports", bytesText(o.CompressedSize), bytesText(o.RawSize))
	line("reports", "%d, on %s", o.Reports, count(o.Repositories, "repository"))
	for _, risk := range []struct {
		label string
		n     int64
		rare  bool
	}{
		{"critical", o.Risks.Critical, false},
		{"high", o.Risks.High, false},
		{"medium", o.Risks.Medium, false},
		{"low", o.Risks.Low, false},
		{"undetermined", o.Risks.Undetermined, false},
		{"other risk", o.Risks.Other, true},
		{"no risk", o.Risks.None, true},
	} {
		if risk.n > 0 || !risk.rare {
			line("  "+risk.label, "%d", risk.n)
		}
	}
	if len(o.Riskiest) > 0 {
		b.WriteString("riskiest\n")
	}
	for _, r := range o.Riskiest {
		line("  "+r.Risk, "%s", r.Repo)
	}
	return b.String()
}

// age says how old the snapshot is.
func (o *overview) age() string {
	date, err := time.Parse(time.DateOnly, o.Date)
	if err != nil {
		return "of unknown age" // never: it was formatted here
	}
	return ageText(date, date.AddDate(0, 0, o.AgeDays))
}
