package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// Link puts a file of the old directory into the new one, replacing any file with that name. It
// makes a hard link, or a copy where it cannot link, or where the file's owner, who could write to
// it later, is another user. Copying ends with ctx.
//
// Another commit may replace the old directory first, so verify the file's content in the new
// directory.
func (d *Dir) Link(ctx context.Context, name, from string) error {
	return d.take(ctx, name, from, d.link)
}

// Copy is [Dir.Link] that always copies. The file system changes what it says about a linked file
// when the old directory is removed.
func (d *Dir) Copy(ctx context.Context, name, from string) error {
	return d.take(ctx, name, from, func(_, _ string) error { return errors.ErrUnsupported })
}

// take puts a file of the old directory into the new one, by a link if that succeeds.
func (d *Dir) take(ctx context.Context, name, from string, link func(from, to string) error) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("link %s: not a regular file", from)
	}
	to := filepath.Join(d.path, name)
	if err := d.removeFile(to); err != nil {
		return err
	}
	linkErr := link(from, to)
	if linkErr == nil {
		return d.noteFile(name)
	}
	if err := d.copy(ctx, name, from, info); err != nil {
		return errors.Join(linkErr, err, d.removeFile(to)) // what was copied may fill the disk
	}
	return d.noteFile(name)
}

// link makes the hard link. It flushes the content, because whoever wrote the old directory may not
// have. If that fails, for example because this process may not write to the file, the caller
// copies the file instead.
func (d *Dir) link(from, to string) error {
	if err := d.disk.link(from, to); err != nil {
		return err
	}
	parent, err := os.Stat(d.names.parent)
	info, infoErr := os.Lstat(to)
	err = errors.Join(err, infoErr)
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("link %s: no longer a regular file", from)
	case !trusted(info, parent):
		err = fmt.Errorf("link %s: owned by another user", from)
	default:
		err = d.passOver(d.disk.syncFile(to))
	}
	if err != nil {
		return errors.Join(err, d.removeFile(to))
	}
	return nil
}

// copy copies a file, which must be the one described by want.
func (d *Dir) copy(ctx context.Context, name, from string, want fs.FileInfo) error {
	w, err := d.Create(name)
	if err != nil {
		return err
	}
	return Finish(w, copyContent(ctx, w, from, want))
}

// copyContent copies the content of a file, which must be the one described by want.
func copyContent(ctx context.Context, w io.Writer, from string, want fs.FileInfo) error {
	r, got, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	if !os.SameFile(want, got) {
		return fmt.Errorf("copy %s: replaced by another file meanwhile", from)
	}
	_, err = io.Copy(w, verify.Until(ctx, r))
	return err
}
