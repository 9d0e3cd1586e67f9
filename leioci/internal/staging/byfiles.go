package staging

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// exchangeByFiles puts directory a in the place of b where b cannot be renamed: an overlay file
// system answers EXDEV to the renaming of a directory from one of its lower layers, such as one
// that came with a container's image. It can be removed, though, and then the name is free.
//
// First, the old directory is copied to a.old, by links. While its files are removed a reader finds
// some of them, but no new ones; then it finds nothing, and then the new directory. After a crash
// in between the next [New] puts the copy in b's place (see restore). If a step fails, the steps
// before it are undone. Afterwards, the copy is at a.
func (d *Dir) exchangeByFiles(ctx context.Context, a, b string) error {
	aside := a + asideSuffix
	entries, err := os.ReadDir(b)
	if err != nil {
		return err
	}
	if err := d.copyAside(ctx, b, aside, entries); err != nil {
		return errors.Join(err, d.clear(aside))
	}
	for i, e := range entries {
		if err := d.disk.remove(filepath.Join(b, e.Name())); err != nil {
			return errors.Join(err, d.putBackFiles(aside, b, entries[:i]))
		}
	}
	if err := d.disk.remove(b); err != nil {
		return errors.Join(err, d.putBackFiles(aside, b, entries))
	}
	if err := d.disk.rename(a, b); err != nil {
		return errors.Join(err, d.disk.rename(aside, b))
	}
	if err := d.disk.rename(aside, a); err != nil {
		return errors.Join(errExchanged, err)
	}
	return nil
}

// copyAside makes a directory with the same files and attributes, and flushes it.
func (d *Dir) copyAside(ctx context.Context, dir, aside string, entries []fs.DirEntry) error {
	if err := d.disk.mkdir(aside, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			return refuse(dir, "contains a file which is not part of a snapshot; use another directory")
		}
		from, to := filepath.Join(dir, e.Name()), filepath.Join(aside, e.Name())
		if d.disk.link(from, to) == nil {
			continue
		}
		if err := d.copyFile(ctx, from, to); err != nil {
			return err
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := d.imitate(aside, info, info.Mode()&modeBits); err != nil {
		return err
	}
	return errors.Join(d.syncDir(aside), d.syncDir(d.names.parent))
}

// copyFile copies a file with its attributes.
func (d *Dir) copyFile(ctx context.Context, from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	w, err := d.disk.create(to)
	if err != nil {
		return err
	}
	if err := d.imitate(to, info, info.Mode()&modeBits); err != nil {
		return errors.Join(err, w.Close())
	}
	return Finish(created{w, d}, copyContent(ctx, w, from, info))
}

// putBackFiles puts files that were removed back into dir, and removes their copies.
func (d *Dir) putBackFiles(aside, dir string, removed []fs.DirEntry) error {
	for _, e := range removed {
		// Not under ctx: this mends what was begun.
		from, to := filepath.Join(aside, e.Name()), filepath.Join(dir, e.Name())
		if d.disk.link(from, to) == nil {
			continue
		}
		if err := d.copyFile(context.Background(), from, to); err != nil {
			return err // the next New puts all of it back
		}
	}
	return errors.Join(d.syncDir(dir), d.clear(aside))
}
