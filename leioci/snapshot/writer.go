package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"time"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/internal/jsonstream"
)

// formatVersion is the version of the format that is written.
const formatVersion = "1.0"

// WriterOptions are what manifest.json says besides what follows from the reports.
type WriterOptions struct {
	// Created is when the snapshot was made. manifest.json has it in UTC, in microseconds. The zero
	// time stands for now; with any other, the same reports give the same bytes.
	Created time.Time
	// Date is the day of the snapshot, in its own location: its time of day is ignored. The zero
	// time stands for the day of Created, in UTC.
	Date time.Time
	// LEIVersion is the version of LowEndInsight that made the reports. It may be empty.
	LEIVersion string
}

// A Writer makes a snapshot of reports. [Create] returns one, [Writer.Add] and [Writer.AddFrom] add
// reports, in their order, and then [Writer.Commit] or [Writer.Discard] must be called. It is not
// safe for concurrent use.
//
// A report is written as it was given, with its numbers, escape sequences and the order of its
// members, but on one line and without white space between values. What a Writer accepts,
// [Snapshot.Verify] accepts too.
//
// The directory is written under a hidden name beside its own, flushed to disk and renamed by
// Commit: it appears as a whole or not at all. A process that is killed leaves only the hidden
// directory, whose name begins with ".leioci-writing-".
//
// cache.jsonl.gz has a gzip member for each 256 KiB of reports or less, and for each report that is
// longer. Members end at line ends. They are compressed on several goroutines, but what is written
// does not depend on how many: the same reports and options give the same bytes, with the same
// version of this package.
//
// A Writer holds a few members of reports, up to 16 MiB each if the reports are so long, and 16 bytes
// for each repository.
type Writer struct {
	dir      string
	meta     Metadata // as far as it is known
	stage    *stage   // nil after Commit and Discard
	members  *memberWriter
	manifest *manifestWriter
	hash     hash.Hash
	parser   parser
	json     jsonstream.Reader // for Add
	line     []byte            // for Add
	err      error             // what ended the writing
}

// Create begins to write a snapshot to dir, which must not exist, unless as an empty directory. The
// directory that it is in must exist. If there is something at dir, now or when the snapshot is
// complete, the error is [fs.ErrExist].
func Create(dir string, o WriterOptions) (*Writer, error) {
	meta, err := o.metadata()
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	w := &Writer{dir: dir, meta: meta, hash: sha256.New()}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	return w, nil
}

func (w *Writer) open() (err error) {
	if w.stage, err = newStage(w.dir); err != nil {
		return err
	}
	manifest, manifestErr := w.stage.file(ManifestFile)
	cache, cacheErr := w.stage.file(CacheFile)
	if err := errors.Join(manifestErr, cacheErr); err != nil {
		return errors.Join(err, w.stage.discard())
	}
	w.manifest, w.members = newManifestWriter(manifest), newMemberWriter(cache)
	return nil
}

// metadata returns what is known before the reports.
func (o WriterOptions) metadata() (Metadata, error) {
	created := o.Created
	if created.IsZero() {
		created = time.Now()
	}
	created = created.UTC().Truncate(time.Microsecond)
	day := o.Date
	if day.IsZero() {
		day = created
	}
	date := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
	if !inTime(created) || !inTime(date) {
		return Metadata{}, errors.New("the time and the date must be in the years 1 to 9999")
	}
	if len(o.LEIVersion) > maxStringBytes || !utf8.ValidString(o.LEIVersion) {
		return Metadata{}, fmt.Errorf("LEIVersion is not UTF-8, or longer than %d bytes", maxStringBytes)
	}
	return Metadata{FormatVersion: formatVersion, LEIVersion: o.LEIVersion, Created: created, Date: date}, nil
}

// Add adds a report: one JSON object with a header or data, on any number of lines. If it is not
// one, the error is [ErrMalformed]. If it, or manifest.json, would become longer than readers
// accept, the error is [ErrTooLarge]. In both cases it is not added, and the Writer may be used
// further. All other errors are final, and Commit returns them too.
func (w *Writer) Add(report []byte) error {
	if err := w.usable(); err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	line, err := w.compact(report)
	if err == nil {
		err = w.add(line)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	return nil
}

// compact returns a JSON text without white space. It is valid until the next call.
func (w *Writer) compact(report []byte) ([]byte, error) {
	w.json.ResetBytes(report)
	if more, err := w.json.More(); err != nil || !more {
		return nil, fmt.Errorf("%w: empty", ErrMalformed)
	}
	w.json.Record(w.line[:0], MaxLineBytes)
	err := w.json.Skip()
	line, tooLong := w.json.Recorded()
	w.line = line
	if err == nil {
		err = w.json.End()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	case tooLong != nil:
		return nil, errLongLine
	}
	return line, nil
}

// errLongLine is the error for a report that does not fit in a line.
var errLongLine = fmt.Errorf("report: %w of %d bytes", ErrTooLarge, MaxLineBytes)

// errNoReport is the error for an object of another kind.
var errNoReport = fmt.Errorf("%w: neither header nor data", ErrMalformed)

// add adds a report that has no white space between its values.
func (w *Writer) add(line []byte) error {
	if _, err := w.parser.parse(w.meta.EntryCount+1, line); err != nil {
		return err
	}
	if !w.parser.header.given && !w.parser.data.given {
		return errNoReport
	}
	return w.put(line, w.parser.repository())
}

// put writes a line, and the repository of its report.
func (w *Writer) put(line, repo []byte) error {
	switch {
	case len(line) > MaxLineBytes:
		return errLongLine
	case len(repo) > maxStringBytes:
		return fmt.Errorf("name of a repository: %w of %d bytes", ErrTooLarge, maxStringBytes)
	}
	if key, known := w.manifest.known(repo); !known {
		text, err := w.manifest.encode(repo, w.meta.LEIVersion)
		if err != nil {
			return err
		}
		if err := w.manifest.add(key, text); err != nil {
			return w.fail(stripPath(err))
		}
	}
	if err := w.members.add(line); err != nil {
		return w.fail(stripPath(err))
	}
	w.hash.Write(line)
	w.meta.EntryCount++
	w.meta.RawSize += int64(len(line)) + 1
	return nil
}

// usable returns an error if nothing more can be written.
func (w *Writer) usable() error {
	if w.stage == nil {
		return fs.ErrClosed
	}
	return w.err
}

// fail makes an error final.
func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return err
}

// Commit completes the snapshot and gives it its name. It returns what manifest.json says. The
// snapshot may have no reports at all: see [Metadata.EntryCount].
//
// If there is an error, nothing is at dir that was not there before, with one exception: if the
// directory that dir is in cannot be flushed, the snapshot is complete and in place, but may be
// lost in a crash. An error of an earlier call that was final is returned again.
func (w *Writer) Commit(ctx context.Context) (Metadata, error) {
	err := w.usable()
	if err == nil {
		err = w.commit(ctx)
	}
	if err != nil {
		return Metadata{}, errors.Join(fmt.Errorf("write %s: %w", w.dir, err), w.Discard())
	}
	_ = w.Discard() // closes the directories: nothing to lose
	return w.meta, nil
}

func (w *Writer) commit(ctx context.Context) error {
	if err := contextErr(ctx); err != nil {
		return err
	}
	if err := w.members.finish(); err != nil {
		return stripPath(err)
	}
	w.meta.CompressedSize = w.members.n
	w.meta.ContentHash = hex.EncodeToString(w.hash.Sum(nil))
	if err := w.manifest.finish(w.meta); err != nil {
		return stripPath(err)
	}
	if err := w.stage.flush(); err != nil {
		return err
	}
	if err := contextErr(ctx); err != nil { // flushing may have taken long
		return err
	}
	inPlace, err := w.stage.commit()
	if err != nil && inPlace {
		err = fmt.Errorf("complete, but perhaps lost in a crash: %w", err)
	}
	return err
}

// Discard ends the writing and removes what was written. After Commit, it does nothing.
func (w *Writer) Discard() error {
	if w.stage == nil {
		return nil
	}
	w.members.abandon()
	err := w.stage.discard()
	w.stage, w.members, w.manifest = nil, nil, nil
	if err != nil {
		return fmt.Errorf("discard %s: %w", w.dir, err)
	}
	return nil
}
