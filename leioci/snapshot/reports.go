package snapshot

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Reports iterates over the reports in line order. It starts at the first each time it is ranged
// over, and the loop may stop at any point.
//
// Every error has a [*LineError] in its chain. A line that is not a report is [ErrMalformed]: it is
// yielded with its number and its Raw, and the iteration continues with the next line. Any other
// error is the last value yielded, with a Report that has only the line number: [ErrCorrupt],
// [ErrTooLarge], [ErrMismatch] if there is more content than [Metadata.RawSize], the cause of ctx
// ([context.Cause]), or a file system error.
func (s *Snapshot) Reports(ctx context.Context) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		for report, err := range s.lines(ctx).reports() {
			if err != nil {
				err = fmt.Errorf("read %s: %w", s.cache.path, err)
			}
			if !yield(report, err) {
				return
			}
		}
	}
}

// Lookup is [Snapshot.Reports] limited to the reports whose Repo equals repo, byte for byte. Names
// are not normalized: one with a trailing slash or .git is a different repository. If the snapshot
// has no report on repo, Lookup yields none.
//
// It yields every error, because a malformed line might have been a report on repo. It reads the
// whole file unless the loop stops early.
func (s *Snapshot) Lookup(ctx context.Context, repo string) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		for report, err := range s.Reports(ctx) {
			if (err != nil || report.Repo == repo) && !yield(report, err) {
				return
			}
		}
	}
}

// reports parses the remaining lines. Its errors are of type *LineError, and it ends after the
// first that is not ErrMalformed.
func (l *lines) reports() iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		parser := newReportParser()
		for {
			line, err := l.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				number := l.count + 1
				yield(Report{Line: number}, &LineError{number, err})
				return
			}
			// Clip, so that appending to Raw does not overwrite the next line.
			report, err := parser.parse(l.count, slices.Clip(line))
			if err != nil {
				err = &LineError{report.Line, err}
			}
			if !yield(report, err) {
				return
			}
		}
	}
}
