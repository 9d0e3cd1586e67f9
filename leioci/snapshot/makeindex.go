package snapshot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// Index makes the index of the snapshot in dir, as [IndexFile] in dir, unless there is one that
// fits. It verifies the snapshot in the same pass, and makes no index for one that fails: the error
// is then that of [Snapshot.Verify].
//
// If the snapshot is in order but its index cannot be made, for instance because dir is read-only,
// the error is [ErrNotIndexed]. Questions are answered without an index, too, but slowly.
//
// The index appears as a whole or not at all, and replaces one that is damaged, of another
// snapshot, or of another version. Several processes may do that at once. It takes about 40 bytes
// for a report and, if cache.jsonl.gz has members of more than 256 KiB of content, a few kilobytes
// for each 256 KiB.
func Index(ctx context.Context, dir string) error { return makeIndex(ctx, dir, false) }

// VerifyAndIndex is [Index] that always verifies, and so always makes an index.
func VerifyAndIndex(ctx context.Context, dir string) error { return makeIndex(ctx, dir, true) }

func makeIndex(ctx context.Context, dir string, anew bool) error {
	s, root, err := openBoth(regular.OpenRoot, dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	defer func() { _ = s.Close() }() // opened for reading: nothing to lose
	if !anew {
		fits, err := s.indexFits(ctx)
		if err != nil {
			return fmt.Errorf("index %s: %w", dir, err)
		}
		if fits {
			sweep(root)
			return nil
		}
	}
	return s.makeIndex(ctx, root, dir)
}

// makeIndex verifies the snapshot in root and makes its index.
func (s *Snapshot) makeIndex(ctx context.Context, root *os.Root, dir string) error {
	s, err := s.stated(ctx)
	if err != nil {
		return err
	}
	x, indexErr := s.newIndexer(root)
	each := func(parsed) error { return nil }
	pass := pass{}
	if indexErr == nil {
		defer x.out.discard()
		pass.marks, pass.digest = x.marks, sha256.New()
		each = func(line parsed) error {
			if indexErr == nil {
				indexErr = x.add(line)
			}
			return nil
		}
	}
	if err := s.verify(ctx, pass, each); err != nil {
		return err
	}
	if indexErr == nil {
		indexErr = s.finishIndex(ctx, x, [sha256.Size]byte(pass.digest.Sum(nil)))
	}
	switch {
	case indexErr == nil:
		return nil
	case contextErr(ctx) != nil:
		return fmt.Errorf("index %s: %w", dir, contextErr(ctx))
	}
	return fmt.Errorf("index %s: %w: %w", dir, ErrNotIndexed, stripPath(indexErr))
}

func (s *Snapshot) newIndexer(root *os.Root) (*indexer, error) {
	out, err := newIndexFile(root, s.cache.info)
	if err != nil {
		return nil, err
	}
	x, err := newIndexer(out, s.cache.info.Size())
	if err != nil {
		out.discard()
	}
	return x, err
}

// finishIndex completes an index of all reports, if the files are still what they were.
func (s *Snapshot) finishIndex(ctx context.Context, x *indexer, cacheDigest [sha256.Size]byte) error {
	h := header{Cache: identify(s.cache.info), Manifest: identify(s.manifest.info)}
	h.Cache.Digest = cacheDigest
	manifest := sha256.New()
	meta, err := readMetadata(io.TeeReader(contextReader{ctx, s.manifest.content()}, manifest))
	if err != nil {
		return err
	}
	if meta != s.meta {
		return fmt.Errorf("%s: %w", s.manifest.path, ErrChanged)
	}
	h.Manifest.Digest = [sha256.Size]byte(manifest.Sum(nil))
	if err := x.finish(ctx, h, s.meta); err != nil {
		return err
	}
	if err := errors.Join(s.manifest.Check(), s.cache.Check()); err != nil {
		return err
	}
	return x.out.commit()
}
