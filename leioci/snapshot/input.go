package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// AddFrom adds all reports of an input, which it tells by its content to be one of these, or the
// same compressed with gzip, in one or more members:
//
//   - reports, one after the other: JSON lines, or with white space of any kind in and between them;
//   - results of scans, {"state":…, "report":{"uuid":…, "repos":[report, …]}, "metadata":{…}}, one or
//     several, with any number of reports;
//   - an export of LEI-GET's cache, {"entries":[{"key":…, "data":…, "ttl_remaining":…}, …], "stats":{…}},
//     or its entries one after the other. The data is a report or the result of a scan, as an object
//     or as a string that holds its JSON;
//   - an array of reports, results or entries.
//
// There may be a byte order mark before it, and nothing in it: an empty input has no reports. It is
// read in a stream, one report at a time.
//
// Anything else is [ErrMalformed], and so is a report that Add would refuse as such. [ErrTooLarge]
// is the error for a report that Add would refuse for its length, and for an entry of twice that.
// These have an [*InputError] in their chain. [ErrCorrupt] is the error for damaged compression. The
// others are those of r, those of the file system, and the cause of ctx, which is checked at each
// read. All are final: a snapshot of a part of an input is not written.
func (w *Writer) AddFrom(ctx context.Context, r io.Reader) error {
	err := w.usable()
	if err == nil {
		err = w.addFrom(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	return nil
}

func (w *Writer) addFrom(ctx context.Context, r io.Reader) error {
	source := &inputReader{ctx: ctx, r: r}
	content, skipped := source.content()
	in := newInput(w, jsonstream.NewReader(content), allForms)
	in.skipped = skipped
	err := in.values()
	if err != nil && source.compressed && w.err == nil {
		// Read on: that it is damaged may be found only at the end of a member.
		_, _ = io.Copy(io.Discard, content)
	}
	switch {
	case err == nil:
		return nil
	case w.err != nil:
		return w.err
	case source.err != nil:
		err = source.err
	case source.corrupt != nil:
		err = fmt.Errorf("%w: %w", ErrCorrupt, source.corrupt)
	default:
		if errors.Is(err, jsonstream.ErrTooLong) { // a name or a risk that no line has room for
			err = errLongLine
		}
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			err = fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		err = &InputError{in.count + 1, in.skipped + in.json.Offset(), err}
	}
	return w.fail(err)
}

// An inputReader reads an input. It keeps its error, which tells a failure to read from content
// that is wrong.
type inputReader struct {
	ctx        context.Context
	r          io.Reader
	err        error // never io.EOF
	compressed bool
	corrupt    error // what is wrong with its compression
}

func (i *inputReader) Read(p []byte) (n int, err error) {
	if i.err == nil {
		i.err = contextErr(i.ctx)
	}
	if i.err != nil {
		return 0, i.err
	}
	if n, err = i.r.Read(p); err != nil && err != io.EOF {
		i.err = err
	}
	return n, err
}

// byteOrderMark is what some programs begin UTF-8 with.
const byteOrderMark = "\xef\xbb\xbf"

// content returns the uncompressed input, and the length of what it skipped at its beginning.
func (i *inputReader) content() (r io.Reader, skipped int64) {
	file := bufio.NewReaderSize(i, fileBufferBytes)
	content := file
	// What Peek fails with, the readers return again.
	if magic, _ := file.Peek(2); string(magic) == "\x1f\x8b" {
		i.compressed = true
		content = bufio.NewReader(&inflating{file: file, input: i})
	}
	if mark, _ := content.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		n, _ := content.Discard(len(mark)) // it is in the buffer
		return content, int64(n)
	}
	return content, 0
}

// inflating reads a compressed input.
type inflating struct {
	file  *bufio.Reader
	gz    *gzip.Reader // nil before the first read
	input *inputReader
}

func (i *inflating) Read(p []byte) (n int, err error) {
	if i.input.corrupt != nil {
		return 0, i.input.corrupt
	}
	if i.gz == nil {
		i.gz, err = gzip.NewReader(i.file)
	}
	if err == nil {
		n, err = i.gz.Read(p)
	}
	if err != nil && err != io.EOF && i.input.err == nil {
		i.input.corrupt = err
	}
	return n, err
}
