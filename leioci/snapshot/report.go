package snapshot

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
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

// A reportParser parses lines, one after the other.
type reportParser struct {
	json *jsonstream.Reader
	line bytes.Reader
}

func newReportParser() *reportParser { return &reportParser{json: jsonstream.NewReader(nil)} }

// parse parses a line. If the line is not a report, the result has only its number and bytes, and
// the error is ErrMalformed.
func (p *reportParser) parse(number int64, line []byte) (Report, error) {
	report := Report{Line: number, Raw: line}
	if len(line) == 0 {
		return report, fmt.Errorf("%w: empty line", ErrMalformed)
	}
	header, data, err := p.sections(line)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	report.Risk = data.risk.value
	switch {
	case data.repo.present:
		report.Repo = data.repo.value
	case header.repo.present:
		report.Repo = header.repo.value
	default:
		report.Repo = unknownRepo
	}
	return report, nil
}

// A section is the header or the data of a report, as far as this package uses it.
type section struct {
	given      bool
	repo, risk text
}

// A text is a string of a section. One that is null is given, and not present.
type text struct {
	given, present bool
	value          string
}

// sections reads exactly one JSON object. Of a member that is given twice, some readers of JSON
// take the first and most the last, and encoding/json merges the two. So that is an error: the risk
// of a repository must not depend on who reads it. Errors are short whatever the line holds.
func (p *reportParser) sections(line []byte) (header, data section, err error) {
	p.line.Reset(line)
	p.json.Reset(&p.line)
	err = p.json.Object(func(name []byte) error {
		switch string(name) {
		case "header":
			return p.section("header", &header)
		case "data":
			return p.section("data", &data)
		}
		return p.json.Skip()
	})
	if errors.Is(err, jsonstream.ErrType) {
		err = errors.New("not a JSON object")
	}
	if err == nil {
		err = p.json.End()
	}
	return header, data, err
}

// section reads an object or null.
func (p *reportParser) section(name string, into *section) error {
	if into.given {
		return fmt.Errorf("%s is given twice", name)
	}
	into.given = true
	if null, err := p.json.Null(); null || err != nil {
		return err
	}
	err := p.json.Object(func(member []byte) error {
		switch string(member) {
		case "repo":
			return p.text(name, "repo", &into.repo)
		case "risk":
			return p.text(name, "risk", &into.risk)
		}
		return p.json.Skip()
	})
	if errors.Is(err, jsonstream.ErrType) {
		return fmt.Errorf("%s is not an object", name)
	}
	return err
}

// text reads a string or null.
func (p *reportParser) text(section, member string, into *text) error {
	if into.given {
		return fmt.Errorf("%s.%s is given twice", section, member)
	}
	into.given = true
	if null, err := p.json.Null(); null || err != nil {
		return err
	}
	value, err := p.json.String(MaxLineBytes)
	if errors.Is(err, jsonstream.ErrType) {
		return fmt.Errorf("%s.%s is not a string", section, member)
	}
	into.present, into.value = true, value
	return err
}
