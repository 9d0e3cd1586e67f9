package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// blobsDir is where the blobs are.
const blobsDir = "blobs"

// BlobPath returns the path of a blob within a layout. A digest that is none, which could lead
// elsewhere, is errdef.ErrInvalidReference.
func BlobPath(digest v1.Hash) (string, error) {
	if _, err := v1.NewHash(digest.String()); err != nil {
		return "", fmt.Errorf("%w: digest %.200q: %w", errdef.ErrInvalidReference, digest, err)
	}
	return path.Join(blobsDir, digest.Algorithm, digest.Hex), nil
}

// open opens a blob, whatever it holds.
func (l *Layout) open(digest v1.Hash) (*os.File, fs.FileInfo, error) {
	name, err := BlobPath(digest)
	if err != nil {
		return nil, nil, err
	}
	root, err := l.root()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }() // which leaves the file open
	f, info, err := regular.OpenIn(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: no blob %s in %s: %w", errdef.ErrNotFound, digest, l.given, err)
	} else if err != nil {
		err = l.fail(err)
	}
	return f, info, err
}

// openSized is open for a blob whose size is known.
func (l *Layout) openSized(d v1.Descriptor) (*os.File, error) {
	f, info, err := l.open(d.Digest)
	if err != nil {
		return nil, err
	}
	if info.Size() != d.Size {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%w: blob %s in %s has %d bytes, want %d",
			errdef.ErrVerification, d.Digest, l.given, info.Size(), d.Size)
	}
	return f, nil
}

// Blob implements [store.Reader].
func (l *Layout) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	f, err := l.openSized(d)
	if err != nil {
		return nil, err
	}
	v, err := verify.NewReader(verify.Until(ctx, f), d.Digest, d.Size, d.Size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &blob{v, f, l}, nil
}

type blob struct {
	*verify.Reader
	io.Closer
	from *Layout
}

// Read implements [io.Reader]. Errors name the layout.
func (b *blob) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = b.from.fail(err)
	}
	return n, err
}

// WriteTo implements [io.WriterTo].
func (b *blob) WriteTo(w io.Writer) (int64, error) { return verify.Copy(w, b, b.Size()) }

// read returns the content of a manifest.
func (l *Layout) read(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if d.Size > manifest.MaxBytes {
		return nil, fmt.Errorf("%w: manifest %s of %d bytes, limit %d", errdef.ErrTooLarge, d.Digest, d.Size, manifest.MaxBytes)
	}
	rc, err := l.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// OpenBlob implements [store.Local]. A file is read once to verify it, and again when it has changed.
// Reading fails with errdef.ErrVerification if somebody has written to it since, and with the cause of
// ctx if that ends while the file, which has another time, is read again.
func (l *Layout) OpenBlob(ctx context.Context, digest v1.Hash) (store.File, int64, error) {
	f, info, err := l.open(digest)
	if err != nil {
		return nil, 0, err
	}
	if err := l.verified.check(ctx, f, info, digest); err != nil {
		return nil, 0, errors.Join(l.fail(err), f.Close())
	}
	steady := &regular.Steady{
		File: f, Then: info, Changed: l.fail(fmt.Errorf("%w: somebody has written to %s", errdef.ErrVerification, digest)),
		Again: func() (fs.FileInfo, error) { return l.verifyAgain(ctx, f, digest) },
	}
	return opened{io.NewSectionReader(steady, 0, info.Size()), f}, info.Size(), nil
}

// verifyAgain verifies an open blob whose file has changed, and returns what that was before.
func (l *Layout) verifyAgain(ctx context.Context, f *os.File, digest v1.Hash) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err == nil {
		err = l.verified.check(ctx, f, info, digest)
	}
	if err != nil {
		return nil, l.fail(err)
	}
	return info, nil
}

// opened is a [store.File] of a blob.
type opened struct {
	*io.SectionReader
	io.Closer
}
