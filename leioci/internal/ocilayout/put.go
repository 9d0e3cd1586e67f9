package ocilayout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// HasBlob implements [store.Writer]. A file with other content, even of the right size, is not the
// blob.
func (w *Writer) HasBlob(ctx context.Context, d v1.Descriptor) (bool, error) {
	f, info, err := w.layout.open(d.Digest)
	switch {
	case errors.Is(err, errdef.ErrNotFound), errors.Is(err, regular.ErrNotRegular):
		return false, nil
	case err != nil:
		return false, err
	}
	defer f.Close()
	if info.Size() != d.Size {
		return false, nil
	}
	err = w.layout.verified.check(ctx, f, info, d.Digest)
	if errors.Is(err, errdef.ErrVerification) {
		return false, nil
	}
	return err == nil, err
}

// PutBlob implements [store.Writer].
func (w *Writer) PutBlob(ctx context.Context, d v1.Descriptor, from store.Reader) error {
	return w.put(ctx, d, func(p *partial) error {
		_, err := from.Download(ctx, d, p)
		return err
	})
}

// put writes a blob, unless it is there, from what fill puts into a file.
func (w *Writer) put(ctx context.Context, d v1.Descriptor, fill func(*partial) error) error {
	name, err := BlobPath(d.Digest)
	if err != nil {
		return err
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	if has, err := w.HasBlob(ctx, d); has || err != nil {
		return err
	}
	p, err := w.openPartial(d.Digest)
	if err != nil {
		return err
	}
	err = fill(p)
	var info fs.FileInfo
	if err == nil {
		info, err = w.checkFilled(ctx, p, d)
	}
	if err == nil {
		err = w.place(p, name)
	}
	if err != nil {
		return errors.Join(err, p.leave())
	}
	w.layout.verified.add(d.Digest, info)
	return nil
}

// checkFilled returns an error unless a file that was filled is as large as the blob. Where another
// host may have written to it at the same time, it is read once more.
func (w *Writer) checkFilled(ctx context.Context, p *partial, d v1.Descriptor) (fs.FileInfo, error) {
	info, err := p.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != d.Size {
		return nil, errors.Join(fmt.Errorf("%w: %s has %d bytes, want %d", errdef.ErrVerification, d.Digest, info.Size(), d.Size), p.Reset())
	}
	if !staging.Shared(w.layout.dir) {
		return info, nil
	}
	err = verify.All(ctx, io.NewSectionReader(p, 0, d.Size+1), d.Digest, d.Size)
	if errors.Is(err, errdef.ErrVerification) {
		err = errors.Join(err, p.Reset())
	}
	return info, err
}

// place gives a file that is complete its name, in place of what has it.
func (w *Writer) place(p *partial, name string) error {
	root, err := regular.OpenRoot(w.layout.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return w.layout.fail(err)
	}
	if err := p.Place(w.mode, func() error { return root.Rename(p.name, name) }); err != nil {
		return w.layout.fail(err)
	}
	return nil
}

// PutManifest implements [store.Writer].
func (w *Writer) PutManifest(ctx context.Context, m *store.Manifest, tags ...string) error {
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	if err := verify.All(ctx, bytes.NewReader(m.Raw), m.Descriptor.Digest, m.Descriptor.Size); err != nil {
		return fmt.Errorf("write manifest to %s: %w", w.layout.given, err)
	}
	if err := w.putBytes(ctx, m); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, pending{m.Descriptor, slices.Clone(tags)})
	return nil
}

func (w *Writer) putBytes(ctx context.Context, m *store.Manifest) error {
	return w.put(ctx, m.Descriptor, func(p *partial) error {
		if err := p.Reset(); err != nil {
			return err
		}
		_, err := p.Write(m.Raw)
		return err
	})
}

// replace writes a small file of the layout and puts it in place of the old one, whose mode it gets.
func (w *Writer) replace(root *os.Root, name string, raw []byte) error {
	p, err := w.openPrivate()
	if err != nil {
		return err
	}
	mode := w.mode
	if old, err := root.Lstat(name); err == nil && old.Mode().IsRegular() {
		mode = old.Mode().Perm()
	}
	_, err = p.Write(raw)
	if err == nil {
		err = p.Place(mode, func() error { return root.Rename(p.name, name) })
	}
	if err != nil {
		return w.layout.fail(errors.Join(err, p.leave()))
	}
	return nil
}

// sync flushes the names in a directory of the layout.
func (w *Writer) sync(dir string) error {
	if err := staging.SyncDir(w.path(dir)); err != nil {
		return w.layout.fail(err)
	}
	return nil
}
