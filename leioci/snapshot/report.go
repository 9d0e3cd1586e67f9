package snapshot

import (
	"bytes"
	"fmt"
)

// unknownRepo is the repository of a report that names none, as in the original client.
const unknownRepo = "unknown"

// A Report is one line of a snapshot.
type Report struct {
	// Line is the report's line number. The first is 1.
	Line int64
	// Raw is the line without its newline. It is valid until the next step of the iteration; use
	// [Report.Clone] to keep it longer. It must not be modified.
	Raw []byte
	// Repo is the repository that the report is about: data.repo, or header.repo if that is missing
	// or null, or "unknown" without either.
	Repo string
	// Risk is data.risk: "critical", "high", "medium", "low" or "undetermined". It is not
	// validated. It is empty if the report has none.
	Risk string
}

// Clone returns the report with a copy of Raw that stays valid.
func (r Report) Clone() Report {
	r.Raw = bytes.Clone(r.Raw)
	return r
}

// wireReport holds the members of a report that this package uses.
//
// encoding/json prefers the field whose name matches a member exactly. Otherwise it ignores case
// and picks the first match. The fields named in capitals are there to absorb members that differ
// only in case.
type wireReport struct {
	OtherHeader ignored `json:"HEADER"`
	OtherData   ignored `json:"DATA"`
	Header      section `json:"header"`
	Data        section `json:"data"`
}

type section struct {
	OtherRepo ignored `json:"REPO"`
	OtherRisk ignored `json:"RISK"`
	Repo      *string `json:"repo"`
	Risk      string  `json:"risk"`
}

// ignored accepts a member of any type.
type ignored struct{}

// UnmarshalJSON discards the value.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// parseReport parses a line. If the line is not a report, the result has only its number and bytes,
// and the error is ErrMalformed.
func parseReport(number int64, line []byte) (Report, error) {
	report := Report{Line: number, Raw: line}
	if len(line) == 0 {
		return report, fmt.Errorf("%w: empty line", ErrMalformed)
	}
	var wire wireReport
	if err := decodeObject(line, &wire); err != nil {
		return report, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	report.Risk = wire.Data.Risk
	switch {
	case wire.Data.Repo != nil:
		report.Repo = *wire.Data.Repo
	case wire.Header.Repo != nil:
		report.Repo = *wire.Header.Repo
	default:
		report.Repo = unknownRepo
	}
	return report, nil
}
