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

// An index finds the reports on a repository. It keeps the names in memory and the uncompressed
// reports in a file.
//
// snapshot.Lookup needs neither, but reads the whole snapshot each time. With 100,000 reports of
// 3 KB, that takes 2 seconds of CPU time per lookup. The index takes about 10 microseconds, after
// 4.5 seconds to verify and index (BenchmarkLookUp). Keeping the reports in memory would cost their
// full size.
type index struct {
	info    info
	file    *os.File
	reports map[string][]entry
}

// info identifies the snapshot that a response comes from.
type info struct {
	Date    string    `json:"date"`
	Created time.Time `json:"created"`
	// Digest is the digest of the OCI manifest. It is empty if the directory has none.
	Digest  string `json:"digest,omitempty"`
	Reports int64  `json:"reports"`

	date time.Time
}

// entry locates a report in the file.
type entry struct {
	offset int64
	length int
	risk   unique.Handle[string] // there are only a few distinct values
}

// The limits of an index in memory. A repository with one report was measured at about 100 bytes
// without its name. Each entry counts as more than twice that, because a map that has just grown is
// half empty.
const (
	maxIndexBytes = 512 << 20
	entryBytes    = 250
)

// buildIndex builds an index of a verified snapshot, with its file in dir. The caller closes the
// index.
func buildIndex(ctx context.Context, s *snapshot.Snapshot, dir string) (_ *index, err error) {
	file, err := os.CreateTemp(dir, ".lei-watch-*")
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	// An unlinked file cannot be left behind. Windows cannot remove an open file; there, close does
	// it.
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
			return nil, fmt.Errorf("index: snapshot has too many reports: over %d bytes of memory at report %d",
				maxIndexBytes, report.Line)
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

// close closes the file, and removes it where buildIndex could not.
func (ix *index) close() error {
	err := ix.file.Close()
	if removeErr := os.Remove(ix.file.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}
