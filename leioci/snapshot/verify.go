package snapshot

import (
	"context"
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
//
// If [Open] has not read manifest.json because there is an index, Verify does. Then its error may
// be one of those of Open, too.
func (s *Snapshot) Verify(ctx context.Context) error {
	return s.verify(ctx, pass{}, func(parsed) error { return nil })
}

// verify is Verify that passes the reports to each.
func (s *Snapshot) verify(ctx context.Context, pass pass, each func(parsed) error) error {
	stated, err := s.stated(ctx)
	if err != nil {
		return err
	}
	found, err := stated.survey(ctx, pass, each)
	if err == nil {
		err = stated.compare(found)
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", s.cache.path, err)
	}
	return nil
}

// stated returns the snapshot as manifest.json states it. What an index says of that is not enough
// for who verifies: the file may have been damaged since, and no file system notices that.
func (s *Snapshot) stated(ctx context.Context) (*Snapshot, error) {
	if !s.metaOfIndex {
		return s, nil
	}
	meta, err := readMetadata(contextReader{ctx, s.manifest.content()})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.manifest.path, err)
	}
	stated := *s
	stated.meta, stated.metaOfIndex = meta, false
	return &stated, nil
}

// surveyed is what was found in a cache file that was read to its end.
type surveyed struct {
	lines, raw int64
	hash       string
	malformed  int64 // lines
	first      error // about the first of them
	excess     error // there is more
}

// survey reads all lines and passes the reports to each. Its errors are those that end the reading.
func (s *Snapshot) survey(ctx context.Context, pass pass, each func(parsed) error) (found surveyed, err error) {
	pass.hash = newContentHash()
	lines := s.lines(ctx, pass)
	defer lines.close()
	for line, err := range lines.parsed() {
		switch {
		case err == nil:
			if err := each(line); err != nil {
				return found, err
			}
		case errors.Is(err, ErrMalformed):
			if found.malformed == 0 {
				found.first = err
			}
			found.malformed++
		case errors.Is(err, ErrMismatch):
			found.excess = err // always the last error
		default:
			return found, err
		}
	}
	lines.close()
	found.lines, found.raw, found.hash = lines.count, lines.source.size(), pass.hash.String()
	return found, nil
}

// compare returns what differs from manifest.json.
func (s *Snapshot) compare(found surveyed) error {
	var problems []error
	if found.malformed > 0 {
		problems = append(problems, fmt.Errorf("malformed lines: %d, the first at %w", found.malformed, found.first))
	}
	compare := func(what string, says, found int64) {
		if says != found {
			problems = append(problems, &mismatchError{what, says, found})
		}
	}
	if found.excess == nil {
		compare("entry count", s.meta.EntryCount, found.lines)
		compare("raw size", s.meta.RawSize, found.raw)
	} else {
		problems = append(problems, found.excess)
	}
	compare("compressed size", s.meta.CompressedSize, s.cache.info.Size())
	if found.excess == nil && !strings.EqualFold(s.meta.ContentHash, found.hash) {
		// Truncate: a manifest.json may hold anything, of any length.
		says := fmt.Sprintf("%.64q", s.meta.ContentHash)
		problems = append(problems, &mismatchError{"content hash", says, fmt.Sprintf("%q", found.hash)})
	}
	return errors.Join(problems...)
}
