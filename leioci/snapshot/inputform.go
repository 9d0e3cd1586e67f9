package snapshot

import (
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// The members that tell the forms of an input from one another.
const (
	scanMember    = "report"
	entriesMember = "entries"
)

// An input reads values, each of which holds reports.
type input struct {
	w       *Writer
	json    *jsonstream.Reader // of parser
	parser  parser             // of the report being read
	forms   forms
	skipped int64  // bytes before the JSON
	count   int64  // reports added
	text    []byte // of the report or entry read last
	inner   *input // see nest
}

// forms are those that a value may have, each with those before it.
type forms int

const (
	onlyReports   forms = iota
	reportsOrScan       // what the data of an entry may be
	allForms
)

// newInput returns an input of what is in the JSON.
func newInput(w *Writer, json *jsonstream.Reader, forms forms) *input {
	in := &input{w: w, forms: forms}
	in.parser.json = *json
	in.json = &in.parser.json
	return in
}

// values reads everything.
func (in *input) values() error {
	for {
		more, err := in.json.More()
		if err != nil || !more {
			return err
		}
		array, err := in.json.Is('[')
		switch {
		case err != nil:
		case array:
			err = in.json.Array(in.value)
		default:
			err = in.value()
		}
		if err != nil {
			return err
		}
	}
}

// value reads an object of any of the forms.
func (in *input) value() error {
	in.json.Record(in.text[:0], maxEntryBytes)
	in.parser.header.reset()
	in.parser.data.reset()
	var form form
	err := in.object(func(name []byte) error {
		many, err := in.holdsReports(name)
		if err == nil {
			err = form.saw(name, many)
		}
		switch {
		case err != nil:
			return err
		case !many:
			return in.member(name, &form)
		}
		_, _ = in.recorded() // it may be far larger than a report
		if string(name) == entriesMember {
			return in.json.Array(in.entry)
		}
		return in.scan()
	})
	text, tooLong := in.recorded()
	switch {
	case err != nil:
		return err
	case form.many != "":
		return nil
	case form.isEntry() && in.forms == allForms:
		if tooLong != nil {
			return errLongEntry
		}
		return in.addEntry(text)
	case form.text:
		return errors.New("data is not an object")
	case !form.header && !form.data:
		return errNoReport
	case tooLong != nil:
		return errLongLine
	}
	return in.add(text)
}

// member reads a member of what is not known yet to be a report.
func (in *input) member(name []byte, form *form) error {
	switch string(name) {
	case "header":
		return in.parser.section("header", &in.parser.header)
	case "data":
		if text, err := in.json.Is('"'); err != nil {
			return err
		} else if text {
			form.text = true
			return in.json.Skip()
		}
		return in.parser.section("data", &in.parser.data)
	}
	return in.json.Skip()
}

// holdsReports reports whether the next value is the member of a scan's result, or of an export of
// a cache, that holds the reports.
func (in *input) holdsReports(name []byte) (bool, error) {
	switch {
	case string(name) == scanMember && in.forms >= reportsOrScan:
		return in.json.Is('{')
	case string(name) == entriesMember && in.forms == allForms:
		return in.json.Is('[')
	}
	return false, nil
}

// A form is what the members of an object say about it.
type form struct {
	header, data, key, ttl bool
	text                   bool   // data is a string, as in some entries
	many                   string // the member that holds several reports
}

// saw takes note of a member. An object of two forms is refused: which reports it holds would
// depend on the order of its members.
func (f *form) saw(name []byte, many bool) error {
	switch string(name) {
	case "header":
		f.header = true
	case "data":
		f.data = true
	case "key":
		f.key = true
	case "ttl_remaining":
		f.ttl = true
	}
	switch {
	case many && f.many == string(name):
		return fmt.Errorf("%s is given twice", name)
	case many && f.many != "":
		return fmt.Errorf("both %s and %s", f.many, name)
	case many:
		f.many = string(name)
	}
	if f.many != "" && (f.header || f.data) {
		return fmt.Errorf("both a report and, by its %s, several", f.many)
	}
	return nil
}

// isEntry reports whether an object is an entry of a cache, whose data is a report, and not a
// report, which has data too.
func (f *form) isEntry() bool { return f.data && f.key && f.ttl && !f.header }

// object is [jsonstream.Reader.Object] with an error of its own for what is no object.
func (in *input) object(member func(name []byte) error) error {
	if is, err := in.json.Is('{'); err != nil {
		return err
	} else if !is {
		return errors.New("not a JSON object")
	}
	return in.json.Object(member)
}

// scan reads the value of a scan's member report.
func (in *input) scan() error {
	forms := in.forms
	in.forms = onlyReports
	defer func() { in.forms = forms }()
	found := false
	err := in.json.Object(func(name []byte) error {
		if string(name) != reposMember {
			return in.json.Skip()
		}
		if found {
			return fmt.Errorf("%s.%s is given twice", scanMember, reposMember)
		}
		found = true
		if is, err := in.json.Is('['); err != nil {
			return err
		} else if !is {
			return fmt.Errorf("%s.%s is not an array", scanMember, reposMember)
		}
		return in.json.Array(in.value)
	})
	if err == nil && !found {
		err = fmt.Errorf("%s without %s", scanMember, reposMember)
	}
	return err
}

// add adds the report that was parsed last.
func (in *input) add(report []byte) error {
	err := in.w.put(report, in.parser.repository())
	if err == nil {
		in.count++
	}
	return err
}

// recorded ends the recording and keeps its buffer.
func (in *input) recorded() ([]byte, error) {
	text, err := in.json.Recorded()
	if text != nil {
		in.text = text
	}
	return text, err
}
