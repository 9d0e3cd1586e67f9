package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// openAttempts is how many directories Open tries that are exchanged and deleted under its hands. One exchange takes
// two attempts; a name that loses this race each time is not one that holds a snapshot.
const openAttempts = 5

// Open opens the snapshot in dir and reads its manifest.json. Both files come from one directory, even if dir is
// exchanged for another meanwhile. A symbolic link inside dir may point to another file inside dir.
//
// If dir does not exist, the error is [fs.ErrNotExist]. If one of the files is missing, it is [ErrNotSnapshot] and
// fs.ErrNotExist; if one is not a regular file, or manifest.json is not LEI's, ErrNotSnapshot; if manifest.json is over
// [MaxManifestBytes], [ErrTooLarge]. What cache.jsonl.gz holds is not looked at yet.
//
// The caller must close the Snapshot.
func Open(dir string) (*Snapshot, error) { return openWith(os.OpenRoot, dir) }

// openWith is Open with a way to open the directory, which tests use to exchange it in between.
func openWith(openRoot func(string) (*os.Root, error), dir string) (*Snapshot, error) {
	for attempt := 1; ; attempt++ {
		root, err := openRoot(dir)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", dir, cause(err))
		}
		s, err := openIn(root, dir)
		again := errors.Is(err, fs.ErrNotExist) && attempt < openAttempts && replaced(root, dir)
		_ = root.Close() // the files stay open without it
		if !again {
			return s, err
		}
	}
}

// openIn opens the snapshot in root, which errors call dir.
func openIn(root *os.Root, dir string) (*Snapshot, error) {
	manifest, _, err := openFile(root, dir, ManifestFile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = manifest.Close() }() // opened for reading: nothing to lose
	cache, size, err := openFile(root, dir, CacheFile)
	if err != nil {
		return nil, err
	}
	meta, err := readMetadata(manifest)
	if err != nil {
		_ = cache.Close() // opened for reading: nothing to lose
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, ManifestFile), err)
	}
	return &Snapshot{path: filepath.Join(dir, CacheFile), cache: cache, size: size, meta: meta}, nil
}

// openFile opens a regular file and returns its size too.
func openFile(root *os.Root, dir, name string) (*os.File, int64, error) {
	f, info, err := regular.OpenIn(root, name)
	switch {
	case err == nil:
		return f, info.Size(), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, regular.ErrNotRegular):
		err = fmt.Errorf("%w: %w", ErrNotSnapshot, cause(err))
	default:
		err = cause(err)
	}
	return nil, 0, fmt.Errorf("open %s: %w", filepath.Join(dir, name), err)
}

// replaced reports whether dir is no longer the directory that root is. A directory that was deleted
// may not answer; it is not the one at dir then either.
func replaced(root *os.Root, dir string) bool {
	opened, err := root.Stat(".")
	if err != nil {
		return true
	}
	now, err := os.Stat(dir)
	return err != nil || !os.SameFile(opened, now)
}

// cause takes the operation and the name, which is relative to the directory, off an error: ours say both.
func cause(err error) error {
	if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
