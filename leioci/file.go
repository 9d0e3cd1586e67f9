package leioci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// openRegular opens a file of a snapshot. One that is missing is ErrNotSnapshot and fs.ErrNotExist;
// anything but a regular file is refused before it is opened, because opening a pipe waits.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrNotSnapshot, path)
	}
	return os.Open(path)
}

// readMetadata reads a manifest.json.
func readMetadata(path string) (snapshot.Metadata, error) {
	f, err := openRegular(path)
	if err != nil {
		return snapshot.Metadata{}, err
	}
	defer f.Close()
	return snapshot.ReadMetadata(f)
}

// metadataOf returns what the manifest.json in dir says, or nothing where there is none to read: what a pull
// guarantees is digests and sizes, not what is in the files.
func metadataOf(dir string) snapshot.Metadata {
	meta, _ := readMetadata(filepath.Join(dir, snapshot.ManifestFile))
	return meta
}

// packagedFile is a layer's file as it was when it was packaged.
type packagedFile struct {
	path string
	info fs.FileInfo
}

func packageFile(ctx context.Context, path string, mt types.MediaType) (packagedFile, v1.Descriptor, error) {
	f, err := openRegular(path)
	if err != nil {
		return packagedFile{}, v1.Descriptor{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return packagedFile{}, v1.Descriptor{}, err
	}
	d, err := describe(ctx, f, mt)
	return packagedFile{path, info}, d, err
}

// open opens the file if it is still the one that was packaged. It returns the bare *os.File,
// which the kernel can send without a copy through this process.
func (p packagedFile) open() (io.ReadCloser, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !p.is(info) {
		err = fmt.Errorf("%w: %s was changed after it was packaged", ErrVerification, p.path)
	}
	if err != nil {
		_ = f.Close() // opened for reading: nothing to lose
		return nil, err
	}
	return f, nil
}

// is reports whether info is that of the file as it was packaged.
func (p packagedFile) is(info fs.FileInfo) bool {
	return unchanged(p.info, info)
}

// contextReader ends a long reading with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
