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
		for line, err := range s.parsed(ctx) {
			if !yield(line.report(), err) {
				return
			}
		}
	}
}

// parsed is Reports before anything is copied. Its errors name the file.
func (s *Snapshot) parsed(ctx context.Context) iter.Seq2[parsed, error] {
	return func(yield func(parsed, error) bool) {
		lines := s.lines(ctx, pass{})
		defer lines.close()
		for line, err := range lines.parsed() {
			if err != nil {
				err = fmt.Errorf("read %s: %w", s.cache.path, err)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// parsed parses the remaining lines. Its errors are of type *LineError, and it ends after the first
// that is not ErrMalformed.
func (l *lines) parsed() iter.Seq2[parsed, error] {
	return func(yield func(parsed, error) bool) {
		var p parser
		for {
			line, err := l.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				number := l.count + 1
				yield(parsed{line: number}, &LineError{number, err})
				return
			}
			// Clip, so that appending to Raw does not overwrite the next line.
			parsed, err := p.parse(l.count, slices.Clip(line))
			parsed.offset = l.start
			if err != nil {
				err = &LineError{parsed.line, err}
			}
			if !yield(parsed, err) {
				return
			}
		}
	}
}
