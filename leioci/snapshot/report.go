package snapshot

import (
	"bytes"
	"fmt"
)

// unknownRepo is the repository of a report that names none, as the original has it.
const unknownRepo = "unknown"

// A Report is one line of a snapshot.
type Report struct {
	// Line is the report's line number. The first is 1.
	Line int64
	// Raw is the line as it was read, without its newline. It is valid until the next step of the iteration;
	// [Report.Clone] keeps it longer. It must not be changed.
	Raw []byte
	// Repo is the repository that the report is about: data.repo, or header.repo if that is missing or null,
	// or "unknown".
	Repo string
	// Risk is data.risk: "critical", "high", "medium", "low" or "undetermined". It is passed on as it is,
	// and empty if the report has none.
	Risk string
}

// Clone returns the report with a copy of Raw, which stays valid.
func (r Report) Clone() Report {
	r.Raw = bytes.Clone(r.Raw)
	return r
}

// wireReport is what this package looks at in a report.
//
// encoding/json prefers a field whose name is that of the member exactly, and gives a member that differs only in
// case to the first field otherwise. The fields named in capitals are there to take those.
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

// ignored is a member that may hold anything.
type ignored struct{}

// UnmarshalJSON keeps nothing.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// parseReport makes a report of a line. If the line is none, the report has its number and its bytes,
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
