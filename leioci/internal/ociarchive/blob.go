package ociarchive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// section returns the content of an entry.
func (a *Archive) section(name string) (*io.SectionReader, error) {
	at, ok := a.contents.entries[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %s in %s", errdef.ErrNotFound, name, a)
	case at.unusable != "":
		return nil, fmt.Errorf("%w: %s in %s: %s", errdef.ErrUnsupportedManifest, name, a, at.unusable)
	}
	return io.NewSectionReader(a.file, at.offset, at.size), nil
}

// has reports whether a blob is there, and can be read.
func (a *Archive) has(digest v1.Hash) bool {
	at, ok := a.contents.entries[blobName(digest)]
	return ok && at.unusable == ""
}

// blob returns the content of a blob, which has the right size.
func (a *Archive) blob(d v1.Descriptor) (*io.SectionReader, error) {
	content, err := a.section(blobName(d.Digest))
	if err != nil {
		return nil, err
	}
	if content.Size() != d.Size {
		return nil, fmt.Errorf("%w: %s in %s has %d bytes, want %d", errdef.ErrVerification, d.Digest, a, content.Size(), d.Size)
	}
	return content, nil
}

// Blob implements [store.Reader].
func (a *Archive) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	content, err := a.blob(d)
	if err != nil {
		return nil, err
	}
	v, err := verify.NewReader(verify.Until(ctx, content), d.Digest, d.Size, a.most)
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", d.Digest, a, err)
	}
	return io.NopCloser(v), nil
}

// Download implements [store.Reader].
func (a *Archive) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (fetched int64, err error) {
	content, err := a.blob(d)
	if err != nil {
		return 0, err
	}
	for {
		begun := into.Size()
		if begun <= d.Size {
			read, err := fill(ctx, into, content, d, a.most)
			fetched += read
			switch {
			case err == nil:
				return fetched, nil
			case !errors.Is(err, errdef.ErrVerification) || ctx.Err() != nil:
				return fetched, fmt.Errorf("read %s from %s: %w", d.Digest, a, err)
			case begun == 0:
				return fetched, errors.Join(fmt.Errorf("read %s from %s: %w", d.Digest, a, err), into.Reset())
			}
		}
		if err := into.Reset(); err != nil { // what it held was something else
			return fetched, err
		}
	}
}

// fill appends what a partial file lacks of a blob, and returns how many bytes it read of it.
func fill(ctx context.Context, into store.Partial, content *io.SectionReader, d v1.Descriptor, most int64) (int64, error) {
	held := into.Size()
	rest := &counter{r: io.NewSectionReader(content, held, d.Size-held)}
	whole := verify.Until(ctx, io.MultiReader(io.LimitReader(into.Content(), held), rest))
	v, err := verify.NewReader(whole, d.Digest, d.Size, most)
	if err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, v, held); err != nil {
		return rest.n, err
	}
	if held == d.Size && held > 0 {
		return 0, nil
	}
	_, err = v.WriteTo(into)
	return rest.n, err
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// OpenBlob implements [store.Local]. A blob is verified when it is opened first, and again if the
// archive was written to since. Others who open it meanwhile wait for that. Reading fails with
// errdef.ErrVerification if somebody has written to the archive since.
func (a *Archive) OpenBlob(ctx context.Context, digest v1.Hash) (store.File, int64, error) {
	content, err := a.section(blobName(digest))
	if err != nil {
		return nil, 0, err
	}
	_, offset, size := content.Outer()
	verified := func() (fs.FileInfo, error) {
		then, err := a.verifyOnce(ctx, digest, io.NewSectionReader(a.file, offset, size))
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", digest, a, err)
		}
		return then, nil
	}
	then, err := verified()
	if err != nil {
		return nil, 0, err
	}
	steady := &regular.Steady{
		File: a.file, Then: then, Again: verified,
		Changed: fmt.Errorf("%w: somebody has written to %s", errdef.ErrVerification, a),
	}
	return file{io.NewSectionReader(steady, offset, size)}, size, nil
}

// A file is a blob in an archive, which stays open.
type file struct{ *io.SectionReader }

func (file) Close() error { return nil }

func (a *Archive) check(digest v1.Hash) *regular.Once {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.checks[digest]
	if c == nil {
		c = regular.NewOnce()
		a.checks[digest] = c
	}
	return c
}

// verifyOnce returns what the file system said of the archive before the blob was verified.
func (a *Archive) verifyOnce(ctx context.Context, digest v1.Hash, content *io.SectionReader) (fs.FileInfo, error) {
	return a.check(digest).Do(ctx, a.file, func(fs.FileInfo) error {
		if content.Size() > a.most {
			return fmt.Errorf("%w: %d bytes, limit %d", errdef.ErrTooLarge, content.Size(), a.most)
		}
		return verify.All(ctx, content, digest, content.Size())
	})
}
