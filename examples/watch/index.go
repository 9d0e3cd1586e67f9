package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unique"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// An index finds the reports of a repository. It has the names in memory and the reports in a file, uncompressed.
//
// snapshot.Lookup would need neither, and reads the whole snapshot each time: with 100,000 reports of 3 KB a look-up takes
// 2 seconds of processor time that way, and about 10 microseconds this way, after 4.5 seconds to verify and index
// (BenchmarkLookUp). Reports in memory would cost all that they are long.
type index struct {
	info    info
	file    *os.File
	reports map[string][]entry
}

// info says which snapshot an answer is from.
type info struct {
	Date    string    `json:"date"`
	Created time.Time `json:"created"`
	// Digest is that of the OCI manifest, or empty for a directory that does not have it.
	Digest  string `json:"digest,omitempty"`
	Reports int64  `json:"reports"`

	date time.Time
}

// entry is where a report is in the file.
type entry struct {
	offset int64
	length int
	risk   unique.Handle[string] // there are few different ones
}

// The bounds of an index in memory. An entry is counted with more than twice what was measured for a repository with one
// report, about 100 bytes without its name: a map that has just grown is half empty.
const (
	maxIndexBytes = 512 << 20
	entryBytes    = 250
)

// buildIndex reads an open snapshot, which was verified, into an index, whose file is made in dir. The caller closes it.
func buildIndex(ctx context.Context, s *snapshot.Snapshot, dir string) (_ *index, err error) {
	file, err := os.CreateTemp(dir, ".lei-watch-*")
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	// Without a name it cannot be left behind. Windows wants it to be closed first, see close.
	_ = os.Remove(file.Name())
	ix := &index{file: file, reports: map[string][]entry{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, ix.close())
		}
	}()
	w := bufio.NewWriterSize(file, 256<<10)
	var offset int64
	memory := 0
	for report, err := range s.Reports(ctx) {
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		if memory += entryBytes + len(report.Repo) + len(report.Risk); memory > maxIndexBytes {
			return nil, fmt.Errorf("index: more than %d bytes in memory at report %d: the snapshot has too many", maxIndexBytes, report.Line)
		}
		if _, err := w.Write(report.Raw); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		ix.reports[report.Repo] = append(ix.reports[report.Repo], entry{offset, len(report.Raw), unique.Make(report.Risk)})
		offset += int64(len(report.Raw))
		ix.info.Reports++
	}
	if err := w.Flush(); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return ix, nil
}

// read returns a report. It is safe for concurrent use.
func (ix *index) read(e entry) ([]byte, error) {
	raw := make([]byte, e.length)
	_, err := ix.file.ReadAt(raw, e.offset)
	return raw, err
}

// close removes the file.
func (ix *index) close() error {
	err := ix.file.Close()
	if gone := os.Remove(ix.file.Name()); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
