package snapshot

import (
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// unknownRepo is the repository of a report that names none, as in the original client.
const unknownRepo = "unknown"

// A parsed line is a Report that has not been copied yet.
type parsed struct {
	line   int64
	offset int64 // in the content
	raw    []byte
	repo   []byte // valid until the next line is parsed
	risk   string
}

// report makes the Report of a line.
func (p parsed) report() Report {
	return Report{Line: p.line, Raw: p.raw, Repo: string(p.repo), Risk: p.risk}
}

// A parser parses lines, one after the other, and allocates nothing for what is usual.
type parser struct {
	json         jsonstream.Reader
	header, data section
	unknown      []byte // unknownRepo
}

// A section is the header or the data of a report, as far as this package uses it.
type section struct {
	given      bool
	repo, risk text
}

// A text is a string of a section. One that is null is given, and not present.
type text struct {
	given, present bool
	value          []byte
}

// maxTextBytes is the length of the longest text whose buffer is kept for the next line.
const maxTextBytes = 64 << 10

// parse parses a line. If the line is not a report, the result has only its number and bytes, and
// the error is ErrMalformed.
func (p *parser) parse(number int64, line []byte) (parsed, error) {
	result := parsed{line: number, raw: line}
	if len(line) == 0 {
		return result, fmt.Errorf("%w: empty line", ErrMalformed)
	}
	if err := p.sections(line); err != nil {
		return result, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if p.data.risk.present {
		result.risk = riskOf(p.data.risk.value)
	}
	result.repo = p.repository()
	return result, nil
}

// repository returns the repository of the report that was read last.
func (p *parser) repository() []byte {
	switch {
	case p.data.repo.present:
		return p.data.repo.value
	case p.header.repo.present:
		return p.header.repo.value
	}
	p.unknown = append(p.unknown[:0], unknownRepo...)
	return p.unknown
}

// sections reads exactly one JSON object. Of a member that is given twice, some readers of JSON
// take the first and most the last, and encoding/json merges the two. So that is an error: the risk
// of a repository must not depend on who reads it. Errors are short whatever the line holds.
func (p *parser) sections(line []byte) error {
	p.json.ResetBytes(line)
	p.header.reset()
	p.data.reset()
	err := p.json.Object(func(name []byte) error {
		switch string(name) {
		case "header":
			return p.section("header", &p.header)
		case "data":
			return p.section("data", &p.data)
		}
		return p.json.Skip()
	})
	if errors.Is(err, jsonstream.ErrType) {
		err = errors.New("not a JSON object")
	}
	if err == nil {
		err = p.json.End()
	}
	return err
}

// reset forgets what was read, and keeps the buffers.
func (s *section) reset() {
	*s = section{repo: text{value: s.repo.value}, risk: text{value: s.risk.value}}
}

// section reads an object or null.
func (p *parser) section(name string, into *section) error {
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
func (p *parser) text(section, member string, into *text) error {
	if into.given {
		return fmt.Errorf("%s.%s is given twice", section, member)
	}
	into.given = true
	if null, err := p.json.Null(); null || err != nil {
		return err
	}
	value, err := p.json.Bytes(MaxLineBytes)
	if errors.Is(err, jsonstream.ErrType) {
		return fmt.Errorf("%s.%s is not a string", section, member)
	}
	into.present = true
	if cap(into.value) > maxTextBytes {
		into.value = nil
	}
	into.value = append(into.value[:0], value...)
	return err
}
