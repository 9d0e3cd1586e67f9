package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Verify checks the snapshot against its manifest.json. It reads everything once and returns nil if
// every line is a report and the entry count, raw size, compressed size and content hash match. The
// case of the hash does not matter.
//
// Otherwise the error joins all problems found: the first [ErrMalformed] line, with the number of
// such lines, and an [ErrMismatch] for each difference. Content beyond the raw size in
// manifest.json is not read; in that case the entry count and the content hash are not compared. If
// the file cannot be read to its end, that error is returned alone: [ErrCorrupt], [ErrTooLarge],
// the cause of ctx, or a file system error.
func (s *Snapshot) Verify(ctx context.Context) error {
	if err := s.verify(ctx); err != nil {
		return fmt.Errorf("verify %s: %w", s.cache.path, err)
	}
	return nil
}

func (s *Snapshot) verify(ctx context.Context) error {
	lines, hash := s.lines(ctx), sha256.New()
	var malformed int64
	var first, excess error
	for report, err := range lines.reports() {
		switch {
		case err == nil:
		case errors.Is(err, ErrMalformed):
			if malformed == 0 {
				first = err
			}
			malformed++
		case errors.Is(err, ErrMismatch):
			excess = err // always the last error
		default:
			return err
		}
		hash.Write(report.Raw)
	}
	var problems []error
	if malformed > 0 {
		problems = append(problems, fmt.Errorf("malformed lines: %d, the first at %w", malformed, first))
	}
	compare := func(what string, says, found int64) {
		if says != found {
			problems = append(problems, &mismatchError{what, says, found})
		}
	}
	if excess == nil {
		compare("entry count", s.meta.EntryCount, lines.count)
		compare("raw size", s.meta.RawSize, lines.content.n)
	} else {
		problems = append(problems, excess)
	}
	compare("compressed size", s.meta.CompressedSize, s.cache.info.Size())
	found := hex.EncodeToString(hash.Sum(nil))
	if excess == nil && !strings.EqualFold(s.meta.ContentHash, found) {
		// Truncate: a manifest.json may hold anything, of any length.
		says := fmt.Sprintf("%.64q", s.meta.ContentHash)
		problems = append(problems, &mismatchError{"content hash", says, fmt.Sprintf("%q", found)})
	}
	return errors.Join(problems...)
}
