package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Verify reads everything once and returns nil if every line is a report and all is as manifest.json says: entry count,
// raw size, compressed size and content hash, in which capital letters do not matter.
//
// The error joins all that is wrong: the first line that is [ErrMalformed], with the number of such lines, and an
// [ErrMismatch] for each difference. Content beyond the raw size that manifest.json gives is not read; the entry count
// and the content hash are not compared then. A file that cannot be read to its end gives that error alone:
// [ErrCorrupt], [ErrTooLarge], the cause of ctx's end, or an error of the file system.
func (s *Snapshot) Verify(ctx context.Context) error {
	if err := s.verify(ctx); err != nil {
		return fmt.Errorf("verify %s: %w", s.path, err)
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
			excess = err // and the last
		default:
			return err
		}
		hash.Write(report.Raw)
	}
	var wrong []error
	if malformed > 0 {
		wrong = append(wrong, fmt.Errorf("%d malformed, the first is %w", malformed, first))
	}
	differ := func(what string, says, found int64) {
		if says != found {
			wrong = append(wrong, &mismatchError{what, says, found})
		}
	}
	if excess == nil {
		differ("entry count", s.meta.EntryCount, lines.count)
		differ("raw size", s.meta.RawSize, lines.content.n)
	} else {
		wrong = append(wrong, excess)
	}
	differ("compressed size", s.meta.CompressedSize, s.size)
	found := hex.EncodeToString(hash.Sum(nil))
	if excess == nil && !strings.EqualFold(s.meta.ContentHash, found) {
		// Cut short: a manifest.json may say anything, at any length.
		says := fmt.Sprintf("%.64q", s.meta.ContentHash)
		wrong = append(wrong, &mismatchError{"content hash", says, fmt.Sprintf("%q", found)})
	}
	return errors.Join(wrong...)
}
