package pulled

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// A blob is a file that is open, however many read it, or the config that was made.
type blob struct {
	name       string
	descriptor v1.Descriptor
	file       *regular.Steady
	again      *regular.Once // for the file, after it was verified
	made       []byte        // if there is no file
}

// openBlob opens the file of a blob.
func openBlob(root *os.Root, f artifact.File) (*blob, error) {
	file, info, err := regular.OpenIn(root, f.Name)
	if err != nil {
		return nil, err
	}
	changed := fmt.Errorf("%s: %w: somebody has written to it", f.Name, errdef.ErrVerification)
	steady := &regular.Steady{File: file, Then: info, Changed: changed}
	return &blob{name: f.Name, descriptor: f.Descriptor, file: steady, again: regular.NewOnce()}, nil
}

// verify reads the file, unless it is one that known has verified.
func (b *blob) verify(ctx context.Context, known *generation) error {
	if known != nil {
		old := known.blobs[b.descriptor.Digest]
		if old != nil && old.file != nil && old.descriptor.Size == b.descriptor.Size && regular.Unchanged(old.file.Then, b.file.Then) {
			return nil
		}
	}
	if err := verify.All(ctx, b.reader(), b.descriptor.Digest, b.descriptor.Size); err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	return b.check()
}

// check returns errdef.ErrVerification if somebody has written to the file. It must follow the
// reading. Somebody who writes without a change of the file's time is not noticed.
func (b *blob) check() error {
	if b.file == nil {
		return nil
	}
	return b.file.Check()
}

// ReadAt implements [io.ReaderAt]. It vouches for what it returns.
func (b *blob) ReadAt(p []byte, offset int64) (int, error) {
	if b.file == nil {
		return bytes.NewReader(b.made).ReadAt(p, offset)
	}
	return b.file.ReadAt(p, offset)
}

// reader reads the blob from its beginning.
func (b *blob) reader() *io.SectionReader {
	size := int64(len(b.made))
	if b.file != nil {
		size = b.file.Then.Size()
	}
	return io.NewSectionReader(b, 0, size)
}

// verifyAgain reads a file that has changed, while others who want that wait, and returns what it was
// before.
func (b *blob) verifyAgain(ctx context.Context) (fs.FileInfo, error) {
	return b.again.Do(ctx, b.file.File, func(now fs.FileInfo) error {
		if err := verify.All(ctx, io.NewSectionReader(b.file.File, 0, now.Size()), b.descriptor.Digest, b.descriptor.Size); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		return nil
	})
}

func (b *blob) close() error {
	if b.file == nil {
		return nil
	}
	if err := b.file.File.Close(); !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

// content is a [store.File] of a blob.
type content struct {
	*io.SectionReader
	release func()
}

func newContent(ctx context.Context, b *blob, release func()) *content {
	c := &content{b.reader(), sync.OnceFunc(release)}
	if b.file != nil {
		c.SectionReader = io.NewSectionReader(&regular.Steady{
			File: b.file.File, Then: b.file.Then, Changed: b.file.Changed,
			Again: func() (fs.FileInfo, error) { return b.verifyAgain(ctx) },
		}, 0, b.file.Then.Size())
	}
	return c
}

// Close implements [io.Closer].
func (c *content) Close() error {
	c.release()
	return nil
}

// hashOf returns the digest of data, or none if the algorithm is not known.
func hashOf(algorithm string, data []byte) v1.Hash {
	h, err := v1.Hasher(algorithm)
	if err != nil {
		return v1.Hash{}
	}
	h.Write(data)
	return v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(h.Sum(nil))}
}
