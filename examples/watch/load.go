package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// ociManifest is the file in which a pull stores the OCI manifest. Its SHA-256 is the artifact's
// digest.
const ociManifest = "oci-manifest.json"

// load opens the snapshot in dir, which the caller closes. It is verified and indexed first, unless
// it has an index that fits, as after a pull: that was made by verifying it.
//
// Without an index, a request would read the whole snapshot. So one that cannot be indexed is an
// error, and what is served already stays.
func load(ctx context.Context, dir string, maxContent int64) (_ *served, err error) {
	if err := snapshot.Index(ctx, dir); err != nil {
		return nil, err
	}
	s, digest, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	indexed, err := s.Indexed(ctx)
	if err != nil {
		return nil, err
	}
	if !indexed {
		return nil, replacedError(dir)
	}
	meta := s.Metadata()
	if meta.RawSize > maxContent {
		return nil, fmt.Errorf("snapshot of %s has %d bytes of reports; raise -max-content, which is %d",
			meta.Date.Format(time.DateOnly), meta.RawSize, maxContent)
	}
	return &served{s, info{meta.Date.Format(time.DateOnly), meta.Created, digest, meta.EntryCount, meta.Date}}, nil
}

func replacedError(dir string) error {
	return fmt.Errorf("open %s: directory was replaced meanwhile; is another process pulling into it?", dir)
}

// open opens a snapshot and returns the digest of its artifact. Another process may pull into the
// directory too, so the digest is valid only if it is the same before and after.
func open(dir string) (*snapshot.Snapshot, string, error) {
	before, err := digestOf(dir)
	if err != nil {
		return nil, "", err
	}
	s, err := snapshot.Open(dir)
	if err != nil {
		return nil, "", err
	}
	after, err := digestOf(dir)
	if err == nil && before != after {
		err = replacedError(dir)
	}
	if err != nil {
		return nil, "", errors.Join(err, s.Close())
	}
	return s, after, nil
}

// maxManifestBytes is the size of the largest OCI manifest that a pull accepts.
const maxManifestBytes = 4 << 20

// digestOf returns the digest of the artifact that dir was pulled from, or "" if dir has no OCI
// manifest. What is there need not come from a pull: opening a named pipe would wait for its other
// end, and reading a device may never end.
func digestOf(dir string) (string, error) {
	path := filepath.Join(dir, ociManifest)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxManifestBytes {
		return "", fmt.Errorf("%s is not a file of at most %d bytes", path, maxManifestBytes)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have been replaced
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(f, maxManifestBytes)); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
