package snapshot

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Reports reads the reports in the order of their lines. Each time it is ranged over it starts at the first,
// and it may be left at any point.
//
// A report comes with a nil error, or with an error that has a [*LineError] in its chain. A line that is not a report
// is [ErrMalformed]; it comes with its number and its Raw, and the lines after it follow. Any other error is
// the last that is yielded, with a Report that has only the number of the line: [ErrCorrupt], [ErrTooLarge],
// [ErrMismatch] if there is more content than [Metadata.RawSize], the cause of ctx's end ([context.Cause]),
// or an error of the file system.
func (s *Snapshot) Reports(ctx context.Context) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		for report, err := range s.lines(ctx).reports() {
			if err != nil {
				err = fmt.Errorf("read %s: %w", s.path, err)
			}
			if !yield(report, err) {
				return
			}
		}
	}
}

// Lookup is [Snapshot.Reports] without the reports whose Repo is not repo, byte for byte. It yields every error of
// the reading, since a line that is not a report might have been one of those asked for. It reads the whole file,
// unless it is left before. A repository that the snapshot does not know gives nothing; names are not normalised, so that
// one with a trailing slash or .git is another.
func (s *Snapshot) Lookup(ctx context.Context, repo string) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		for report, err := range s.Reports(ctx) {
			if (err != nil || report.Repo == repo) && !yield(report, err) {
				return
			}
		}
	}
}

// reports makes reports of the lines that are left. Its errors are of type *LineError;
// it ends after the first that is not ErrMalformed.
func (l *lines) reports() iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
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
			// Clipped, so that to append to Raw does not write over the next line.
			report, err := parseReport(l.count, slices.Clip(line))
			if err != nil {
				err = &LineError{report.Line, err}
			}
			if !yield(report, err) {
				return
			}
		}
	}
}
