package leioci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A fileOpener opens a file of a snapshot that was packaged. Where it can, it returns the bare
// *os.File, which the kernel can send without a copy through this process.
type fileOpener func(snapshot.File) (io.ReadCloser, error)

// openPackaged opens a file that its snapshot holds open.
func openPackaged(f snapshot.File) (io.ReadCloser, error) {
	rc, err := f.Open()
	return rc, asVerification(err)
}

// reopenIn opens files by their names in dir, if they are still those that were packaged.
func reopenIn(dir string) fileOpener {
	return func(packaged snapshot.File) (io.ReadCloser, error) {
		path := filepath.Join(dir, packaged.Name())
		root, err := regular.OpenRoot(dir)
		if err != nil {
			return nil, openAgain(path, errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR), err)
		}
		defer func() { _ = root.Close() }() // the file stays open without it
		f, info, err := regular.OpenIn(root, packaged.Name())
		if err != nil {
			now, lstatErr := root.Lstat(packaged.Name())
			changed := errors.Is(lstatErr, fs.ErrNotExist) || lstatErr == nil && !regular.Unchanged(packaged.Info(), now)
			return nil, openAgain(path, changed, err)
		}
		if !regular.Unchanged(packaged.Info(), info) {
			_ = f.Close() // opened for reading: nothing to lose
			return nil, fmt.Errorf("%w: %s was changed after it was packaged", ErrVerification, path)
		}
		return f, nil
	}
}

// openAgain is for a packaged file that cannot be opened any more.
func openAgain(path string, changed bool, err error) error {
	if changed {
		return fmt.Errorf("%w: %s was removed or replaced after it was packaged: %w", ErrVerification, path, err)
	}
	return fmt.Errorf("open %s again: %w", path, err)
}

// asVerification adds this package's kind of error to package snapshot's.
func asVerification(err error) error {
	if errors.Is(err, snapshot.ErrChanged) {
		return fmt.Errorf("%w: %w", ErrVerification, err)
	}
	return err
}

// digestFile returns the digest of a file that does not change while it is read.
func digestFile(ctx context.Context, f snapshot.File) (v1.Hash, error) {
	rc, err := openPackaged(f)
	if err != nil {
		return v1.Hash{}, err
	}
	defer rc.Close()
	size := f.Info().Size()
	limited := io.LimitReader(rc, size+1) // it may grow as fast as it is read
	h := sha256.New()
	n, err := io.CopyBuffer(h, verify.Until(ctx, limited), make([]byte, min(size+1, hashBuffer)))
	if err == nil {
		err = asVerification(f.Check())
	}
	if err == nil && n != size {
		err = fmt.Errorf("%w: %s has %d bytes, %d could be read", ErrVerification, f.Name(), size, n)
	}
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}, err
}

// hashBuffer is how much of a file is read at once. Less than that takes more time, and more does
// not take less.
const hashBuffer = 128 << 10
