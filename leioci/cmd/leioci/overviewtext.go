package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// labelColumns is how wide the column of labels is.
const labelColumns = 16

// writeText prints an overview for a person.
func (o *overview) writeText(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(label, text string) { fmt.Fprintf(out, "%-*s%s\n", labelColumns, label, text) }
	done := "verified"
	if o.Indexed {
		done = "verified and indexed"
	}
	line("snapshot", visible(o.Snapshot.Source)+", "+done) // not shortened: it may be copied
	line("date", o.Snapshot.Date+", "+o.age())
	made := o.Snapshot.Created
	if o.LEIVersion != "" {
		made += " by LowEndInsight " + shortened(o.LEIVersion)
	}
	line("made", made)
	for _, s := range o.Signatures {
		line("signed", strings.TrimSpace("by "+shortened(s.Signer)+", "+shortened(s.Format)+" "+s.Time))
	}
	if o.ValidUntil != "" {
		line("valid until", o.ValidUntil)
	}
	if o.NextUpdate != "" {
		line("next due", o.NextUpdate)
	}
	line("size", bytesText(o.CompressedSize)+", or "+bytesText(o.RawSize)+" of reports")
	line("reports", fmt.Sprintf("%d, on %s", o.Snapshot.Reports, count(o.Repositories, "repository")))
	for _, r := range o.Risks.lines() {
		line("  "+r.label, fmt.Sprint(r.n))
	}
	if len(o.Riskiest) > 0 {
		fmt.Fprintln(out, "riskiest")
	}
	for _, r := range o.Riskiest {
		line("  "+r.Risk, shortened(r.Repo)) // a risk that LEI gives
	}
	return out.Flush()
}

// age says how long ago the snapshot's date is.
func (o *overview) age() string {
	epoch := time.Time{}
	return ageText(epoch, epoch.AddDate(0, 0, o.AgeDays))
}

// A riskLine is the number of reports with a risk.
type riskLine struct {
	label string
	n     int64
}

// lines returns a line for each risk. Those that LEI does not give have one if there are any.
func (c riskCounts) lines() []riskLine {
	lines := []riskLine{
		{"critical", c.Critical}, {"high", c.High}, {"medium", c.Medium}, {"low", c.Low}, {"undetermined", c.Undetermined},
	}
	if c.Other > 0 {
		lines = append(lines, riskLine{"other risk", c.Other})
	}
	if c.None > 0 {
		lines = append(lines, riskLine{"no risk", c.None})
	}
	return lines
}
