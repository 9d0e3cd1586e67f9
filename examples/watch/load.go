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
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// ociManifest is the file in which a pull stores the OCI manifest. Its SHA-256 is the artifact's
// digest.
const ociManifest = "oci-manifest.json"

// load verifies the snapshot in dir and returns an index of it, which the caller closes. It leaves
// none of the snapshot's own files open, because Windows cannot replace a directory with open
// files.
func load(ctx context.Context, dir string, maxContent int64) (*index, error) {
	s, digest, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	meta := s.Metadata()
	if meta.RawSize > maxContent {
		return nil, fmt.Errorf("snapshot of %s has %d bytes of reports; raise -max-content, which is %d",
			meta.Date.Format(time.DateOnly), meta.RawSize, maxContent)
	}
	if err := s.Verify(ctx); err != nil {
		return nil, err
	}
	ix, err := buildIndex(ctx, s, filepath.Dir(filepath.Clean(dir)))
	if err != nil {
		return nil, err
	}
	ix.info.Date, ix.info.date = meta.Date.Format(time.DateOnly), meta.Date
	ix.info.Created, ix.info.Digest = meta.Created, digest
	return ix, nil
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
		err = fmt.Errorf("open %s: directory was replaced meanwhile; is another process pulling into it?", dir)
	}
	if err != nil {
		s.Close()
		return nil, "", err
	}
	return s, after, nil
}

// digestOf returns the digest of the artifact that dir was pulled from, or "" if dir has no OCI
// manifest.
func digestOf(dir string) (string, error) {
	f, err := os.Open(filepath.Join(dir, ociManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
