package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// openAttempts limits how often Open retries because the directory was replaced and deleted while
// it was being opened. One replacement takes two attempts. A name that loses this race every
// time does not hold a snapshot.
const openAttempts = 5

// Open opens the snapshot in dir and reads its manifest.json. Both files come from the same
// directory, even if dir is replaced meanwhile. A symbolic link inside dir may point to another
// file inside dir, but not outside: who can write to dir may not be allowed to read what is there.
//
// If dir does not exist, the error is [fs.ErrNotExist]. If one of the files is missing, it is both
// [ErrNotSnapshot] and fs.ErrNotExist. If dir is not a directory, or one of the files is not a
// regular file or leads out of dir, or manifest.json is not in LEI's format, it is ErrNotSnapshot.
// If manifest.json exceeds [MaxManifestBytes], it is [ErrTooLarge]. Open does not read
// cache.jsonl.gz, and not manifest.json either if there is an index that fits ([Index]): then the
// index has what it said. An index that cannot be read, or does not fit, is ignored.
//
// The caller must close the Snapshot.
func Open(dir string) (*Snapshot, error) { return openWith(regular.OpenRoot, dir) }

// openWith is Open with a replaceable regular.OpenRoot, which lets tests replace the directory in
// between.
func openWith(openRoot func(string) (*os.Root, error), dir string) (*Snapshot, error) {
	s, root, err := openBoth(openRoot, dir)
	if err != nil {
		return nil, err
	}
	_ = root.Close() // the files stay open without it
	return s, nil
}

// openBoth is openWith that returns the directory, too, which the caller must close.
func openBoth(openRoot func(string) (*os.Root, error), dir string) (*Snapshot, *os.Root, error) {
	for attempt := 1; ; attempt++ {
		root, err := openRoot(dir)
		if errors.Is(err, fs.ErrNotExist) && attempt < openAttempts && exists(dir) {
			continue // a link whose target was deleted while it was followed
		}
		if err != nil {
			err = stripPath(err)
			if errors.Is(err, syscall.ENOTDIR) {
				err = fmt.Errorf("%w: %w", ErrNotSnapshot, err)
			}
			return nil, nil, fmt.Errorf("open %s: %w", dir, err)
		}
		s, err := openIn(root, dir)
		if err == nil {
			return s, root, nil
		}
		retry := errors.Is(err, fs.ErrNotExist) && attempt < openAttempts && replaced(root, dir)
		_ = root.Close() // opened for reading: nothing to lose
		if !retry {
			return nil, nil, err
		}
	}
}

// openIn opens the snapshot in root. Errors call the directory dir.
func openIn(root *os.Root, dir string) (*Snapshot, error) {
	manifest, err := openFile(root, dir, ManifestFile)
	if err != nil {
		return nil, err
	}
	cache, err := openFile(root, dir, CacheFile)
	if err != nil {
		_ = manifest.file.Close() // opened for reading: nothing to lose
		return nil, err
	}
	s := &Snapshot{manifest: manifest, cache: cache}
	if s.adopt(root) {
		s.meta, s.metaOfIndex = s.opened.details.Metadata, true
		return s, nil
	}
	if s.meta, err = readMetadata(manifest.content()); err != nil {
		_ = s.Close() // opened for reading: nothing to lose
		return nil, fmt.Errorf("read %s: %w", manifest.path, err)
	}
	return s, nil
}

// openFile opens a regular file.
func openFile(root *os.Root, dir, name string) (File, error) {
	path := filepath.Join(dir, name)
	f, info, err := regular.OpenIn(root, name)
	switch {
	case err == nil:
		return File{path: path, name: name, file: f, info: info}, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, regular.ErrNotRegular):
		err = fmt.Errorf("%w: %w", ErrNotSnapshot, stripPath(err))
	case isLink(root, name) && !errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: a symbolic link that cannot be followed: %w", ErrNotSnapshot, stripPath(err))
	default:
		err = stripPath(err)
	}
	return File{}, fmt.Errorf("open %s: %w", path, err)
}

// isLink reports whether a name stands for a symbolic link. Package os has no error of its own for
// one that leads out of a root.
func isLink(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// exists reports whether there is something of that name, if only a link.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// replaced reports whether dir no longer names the directory that root has open. Stat may fail for
// a deleted directory, which dir does not name any more either.
func replaced(root *os.Root, dir string) bool {
	opened, err := root.Stat(".")
	if err != nil {
		return true
	}
	now, err := os.Stat(dir)
	return err != nil || !os.SameFile(opened, now)
}

// stripPath removes the operation and the name, which is relative to the directory, from an error.
// Our own messages give both.
func stripPath(err error) error {
	if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
