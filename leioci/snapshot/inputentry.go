package snapshot

import (
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// maxEntryBytes is the length of the longest entry of a cache that is read. As a string, a report
// takes more than as an object.
const maxEntryBytes = 2*MaxLineBytes + 1<<20

// errLongEntry is the error for an entry of a cache that is longer than its report can be.
var errLongEntry = fmt.Errorf("entry: %w of %d bytes", ErrTooLarge, maxEntryBytes)

// entry reads an entry of a cache and adds its reports.
func (in *input) entry() error {
	in.json.Record(in.text[:0], maxEntryBytes)
	err := in.json.Skip()
	text, tooLong := in.recorded()
	switch {
	case err != nil:
		return err
	case tooLong != nil:
		return errLongEntry
	}
	return in.addEntry(text)
}

// addEntry adds what is in the data of an entry.
func (in *input) addEntry(text []byte) error {
	entry := in.nest(text)
	var data bool
	err := entry.object(func(name []byte) error {
		if string(name) != "data" {
			return entry.json.Skip()
		}
		if data {
			return errors.New("data is given twice")
		}
		data = true
		return entry.data()
	})
	if err == nil && !data {
		err = errors.New("entry without data")
	}
	in.count += entry.count
	return err
}

// data reads a report, or the result of a scan, as an object or as a string that holds it.
func (in *input) data() error {
	if is, err := in.json.Is('"'); err != nil {
		return err
	} else if !is {
		return in.value()
	}
	text, err := in.json.Bytes(MaxLineBytes)
	if errors.Is(err, jsonstream.ErrTooLong) {
		return errLongLine
	}
	if err != nil {
		return err
	}
	inner := in.nest(text)
	err = inner.value()
	if err == nil {
		err = inner.json.End()
	}
	in.count += inner.count
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}

// nest returns an input of a text that was found in this one. It is valid until the next call.
func (in *input) nest(text []byte) *input {
	if in.inner == nil {
		in.inner = newInput(in.w, &jsonstream.Reader{}, reportsOrScan)
	}
	in.inner.json.ResetBytes(text)
	in.inner.count = 0
	return in.inner
}
