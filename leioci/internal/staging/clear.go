package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// clear removes a directory and its files. It fails, and removes nothing, if the directory contains
// an unexpected entry.
//
// The directory may have the permissions of the target, which need not allow removal. Then clear
// adds those of its owner, and takes none away: whoever has opened the directory to read from it
// finds that it is gone, and not that it may no longer be read.
//
// Whoever has opened the directory to put a [Replaceable].Temporary file there may do so meanwhile.
func (d *Dir) clear(dir string) (err error) {
	for range maxAttempts {
		if err = d.clearFiles(dir); !errors.Is(err, fs.ErrExist) { // which is that it is not empty, too
			break
		}
	}
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	info, statErr := os.Lstat(dir)
	if statErr != nil || d.disk.chmod(dir, info.Mode()&modeBits|0o700) != nil {
		return err
	}
	return d.clearFiles(dir)
}

func (d *Dir) clearFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if name := d.replaceable.unexpected(entries); name != "" {
		return &fs.PathError{
			Op: "remove", Path: filepath.Join(dir, name), Err: errors.New("unexpected file, left in place"),
		}
	}
	for _, e := range entries {
		if err := d.removeFile(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return d.removeFile(dir)
}

// removeFile removes a file or an empty directory that a sweep may have removed already.
func (d *Dir) removeFile(path string) error {
	if err := d.disk.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
