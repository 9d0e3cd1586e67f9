package snapshot

import "bytes"

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
