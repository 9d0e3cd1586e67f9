package leioci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// openFile opens a file of a snapshot. A missing file is ErrNotSnapshot and fs.ErrNotExist;
// anything but a regular file is ErrNotSnapshot.
func openFile(path string) (*os.File, fs.FileInfo, error) {
	f, info, err := regular.Open(path)
	switch {
	case errors.Is(err, regular.ErrNotRegular):
		return nil, nil, fmt.Errorf("%w: %s is not a regular file", ErrNotSnapshot, path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	}
	return f, info, err
}

// readMetadata reads a manifest.json.
func readMetadata(path string) (snapshot.Metadata, error) {
	f, _, err := openFile(path)
	if err != nil {
		return snapshot.Metadata{}, err
	}
	defer f.Close()
	return snapshot.ReadMetadata(f)
}

// packagedFile identifies a layer's file as it was when it was packaged.
type packagedFile struct {
	path string
	info fs.FileInfo
}

func packageFile(ctx context.Context, path string, mt types.MediaType) (packagedFile, v1.Descriptor, error) {
	f, info, err := openFile(path)
	if err != nil {
		return packagedFile{}, v1.Descriptor{}, err
	}
	defer f.Close()
	d, err := describe(ctx, f, mt)
	return packagedFile{path, info}, d, err
}

// open opens the file, provided that it has not changed since it was packaged. It returns the bare
// *os.File, which the kernel can send without copying it through this process.
func (p packagedFile) open() (io.ReadCloser, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !regular.Unchanged(p.info, info) {
		err = fmt.Errorf("%w: %s has changed since it was packaged", ErrVerification, p.path)
	}
	if err != nil {
		_ = f.Close() // opened for reading: nothing to lose
		return nil, err
	}
	return f, nil
}

// describe returns the descriptor of r's content.
func describe(ctx context.Context, r io.Reader, mt types.MediaType) (v1.Descriptor, error) {
	digest, size, err := v1.SHA256(verify.Until(ctx, r))
	return v1.Descriptor{MediaType: mt, Size: size, Digest: digest}, err
}
