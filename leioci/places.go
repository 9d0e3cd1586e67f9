package leioci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/lowendinsight/lei-go/leioci/internal/ociarchive"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// openReader opens a location to read. closer is nil if there is nothing to close. A mirror that is
// to be written to is not read from: it would have nothing that it does not have.
func (c *Client) openReader(ctx context.Context, l, written Location) (reader store.Reader, closer io.Closer, err error) {
	if repo, ok := l.Repository(); ok {
		source := c.registry.Source(repo)
		if to, ok := written.Repository(); ok {
			source = source.Except(to)
		}
		return source.Reader(), nil, nil
	}
	local, err := openLocal(ctx, l, c.registry.MaxBlobBytes())
	if err != nil {
		return nil, nil, err
	}
	return local, local, nil
}

// openLocal opens a layout or an archive to read.
func openLocal(ctx context.Context, l Location, maxBlobBytes int64) (local store.Local, err error) {
	if l.scheme == schemeArchive {
		local, err = ociarchive.Open(ctx, l.path, maxBlobBytes)
	} else {
		local, err = ocilayout.Open(ctx, l.path)
	}
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return nil, err // and not a nil pointer of a type
	}
	return local, nil
}

// openWriter opens a layout or an archive to write.
func (c *Client) openWriter(ctx context.Context, l Location) (store.Writer, error) {
	var w store.Writer
	var err error
	if l.scheme == schemeArchive {
		w, err = ociarchive.NewWriter(ctx, l.path, c.registry.MaxBlobBytes(), c.log)
	} else {
		w, err = ocilayout.NewWriter(ctx, l.path, c.log)
	}
	if err != nil {
		return nil, adviseDisk(l.path, err)
	}
	return w, nil
}

// checkTarget returns the error with which openWriter refuses what a layout or an archive is, and
// writes nothing.
func (c *Client) checkTarget(ctx context.Context, l Location) error {
	if l.scheme == schemeArchive {
		return ociarchive.CheckTarget(ctx, l.path, c.registry.MaxBlobBytes())
	}
	_, err := ocilayout.NewWriter(ctx, l.path, c.log) // which has nothing open before something is put
	return err
}

// defaultID returns the tag or the digest of a location or, if that names none, what is meant.
func defaultID(ctx context.Context, l Location, reader store.Reader) (string, error) {
	if l.id != "" {
		return l.id, nil
	}
	if local, ok := reader.(interface {
		Default(ctx context.Context) (string, error)
	}); ok {
		return local.Default(ctx)
	}
	return tagLatest, nil
}
