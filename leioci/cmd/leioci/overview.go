package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// An overview is what import and verify print of a snapshot that is in order. These are its members
// as JSON, to which others may be added.
type overview struct {
	FormatVersion  int           `json:"format_version"`
	Snapshot       snapshotJSON  `json:"snapshot"`
	Verified       bool          `json:"verified"`        // true: what does not verify has no overview
	Indexed        bool          `json:"indexed"`         // the directory has an index
	AgeDays        int           `json:"age_days"`        // whole days since the date; negative in the future
	LEIVersion     string        `json:"lei_version"`     // empty if manifest.json has none
	Repositories   int64         `json:"repositories"`    // that manifest.json lists
	Risks          riskCounts    `json:"risks"`           // numbers of reports
	Riskiest       []riskyReport `json:"riskiest"`        // at most ten, the worst first
	RawSize        int64         `json:"raw_size"`        // of all reports, in bytes
	CompressedSize int64         `json:"compressed_size"` // of cache.jsonl.gz, in bytes
	validityJSON
}

type riskCounts struct {
	Critical     int64 `json:"critical"`
	High         int64 `json:"high"`
	Medium       int64 `json:"medium"`
	Low          int64 `json:"low"`
	Undetermined int64 `json:"undetermined"`
	Other        int64 `json:"other"` // with another value
	None         int64 `json:"none"`  // without one
}

type riskyReport struct {
	Repo string `json:"repo"`
	Risk string `json:"risk"`
}

// newOverview describes a snapshot that was verified.
func newOverview(ctx context.Context, s *source, sum snapshot.Summary, now time.Time) (*overview, error) {
	if err := checkManifest(s.Snapshot); err != nil {
		return nil, err
	}
	meta := s.Metadata()
	o := &overview{
		FormatVersion: formatVersion, Snapshot: s.document(), Verified: true,
		AgeDays:    int(now.UTC().Truncate(day).Sub(meta.Date) / day),
		LEIVersion: meta.LEIVersion, RawSize: meta.RawSize, CompressedSize: meta.CompressedSize,
		Risks: riskCounts{
			sum.Risks["critical"], sum.Risks["high"], sum.Risks["medium"], sum.Risks["low"], sum.Risks["undetermined"],
			sum.OtherRisks, sum.Risks[""],
		},
		validityJSON: s.validity,
		Riskiest:     make([]riskyReport, len(sum.Riskiest)), // not nil: JSON has an array in any case
	}
	for i, r := range sum.Riskiest {
		o.Riskiest[i] = riskyReport(r)
	}
	for _, err := range s.Repos() {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		o.Repositories++
	}
	return o, nil
}

// checkManifest reads manifest.json. If a snapshot has an index, what it says was taken from there.
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
	return o.writeText(w)
}
