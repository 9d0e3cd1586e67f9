package ociarchive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// A former is what is at the target before it is replaced.
type former struct {
	info    fs.FileInfo // nil if there is nothing
	archive *Archive    // nil if there is nothing, or an empty file
}

// openFormer opens the archive at the target. Nothing, and an empty file, can be replaced as well.
// What is something else is refused with errdef.ErrTargetNotEmpty.
func openFormer(ctx context.Context, target string, most int64) (former, error) {
	info, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return former{}, nil
	case err != nil:
		return former{}, err
	case info.IsDir():
		return former{}, refuse(target, errors.New("it is a directory; for a layout in a directory, use oci-layout:DIR"))
	case !info.Mode().IsRegular():
		return former{}, refuse(target, errors.New("it is no regular file, nor a symbolic link to one"))
	case info.Size() == 0:
		return former{info: info}, nil
	}
	a, err := Open(ctx, target, most)
	if err != nil {
		for _, kind := range []error{
			errdef.ErrUnsupportedManifest, errdef.ErrVerification, errdef.ErrTooLarge, regular.ErrNotRegular,
		} {
			if errors.Is(err, kind) {
				return former{}, refuse(target, err)
			}
		}
		return former{}, err
	}
	for name, at := range a.contents.entries {
		if _, isBlob := blobDigest(name); isBlob && at.unusable != "" {
			former{archive: a}.close()
			return former{}, refuse(target, fmt.Errorf("%s cannot be kept: %s", name, at.unusable))
		}
	}
	return former{a.info, a}, nil
}

// CheckTarget returns the error with which [NewWriter] refuses what is at a path, and writes nothing.
func CheckTarget(ctx context.Context, path string, maxBlobBytes int64) error {
	f, err := openFormer(ctx, staging.Locate(path), maxBlobBytes)
	if err != nil {
		return fmt.Errorf("write OCI archive %s: %w", path, err)
	}
	f.close()
	return nil
}

// refuse returns the error for a target that is not replaced.
func refuse(target string, why error) error {
	return fmt.Errorf("%w: use another name, or remove %s: %w", errdef.ErrTargetNotEmpty, target, why)
}

// isAt reports whether the target is still what it was.
func (f former) isAt(target string) (bool, error) {
	now, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return f.info == nil, nil
	}
	return err == nil && f.info != nil && regular.Unchanged(f.info, now), err
}

func (f former) close() {
	if f.archive != nil {
		_ = f.archive.Close() // nothing was written
	}
}

// manifest returns the content of a manifest.
func (f former) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if f.archive == nil {
		return nil, fmt.Errorf("%w: %s", errdef.ErrNotFound, d.Digest)
	}
	return f.archive.manifest(ctx, d)
}
