package leioci

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// ociManifestFile keeps the artifact's manifest, byte for byte, beside the snapshot it came with:
// a later pull can tell from it what the directory holds.
const ociManifestFile = "oci-manifest.json"

// snapshotKind is what a directory may hold and still be replaced. The original writes a config.json too.
func snapshotKind() staging.Kind {
	return staging.Kind{
		Required: []string{snapshot.ManifestFile, snapshot.CacheFile},
		Optional: []string{ociManifestFile, "config.json"},
	}
}

// A held is the snapshot that a directory holds, by the manifest that was kept with it.
type held struct {
	dir    string
	raw    []byte
	digest v1.Hash
	files  []snapshotFile
}

// readHeld returns what dir holds, or nil if there is nothing, or nothing that can be told.
func readHeld(dir string) *held {
	f, err := openRegular(filepath.Join(dir, ociManifestFile))
	if err != nil {
		return nil
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxManifestBytes+1))
	if err != nil {
		return nil
	}
	m, err := parseManifest(raw, types.OCIManifestSchema1)
	if err != nil {
		return nil
	}
	files, err := snapshotFiles(m)
	if err != nil {
		return nil
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return &held{dir, raw, digest, files}
}

// intact reports whether every file has the right size and digest.
func (h *held) intact(ctx context.Context, known *fingerprints) bool {
	for _, f := range h.files {
		if !known.has(ctx, filepath.Join(h.dir, f.name), f.descriptor) {
			return false
		}
	}
	return true
}

// path returns the path of the file that should have a digest, or nothing.
func (h *held) path(digest v1.Hash) string {
	if h == nil {
		return ""
	}
	for _, f := range h.files {
		if f.descriptor.Digest == digest {
			return filepath.Join(h.dir, f.name)
		}
	}
	return ""
}

// fingerprints remembers which files were read and found right, so that one that is looked at again and again is read once,
// and which snapshot was found wrong, so that it is not fetched again. It is safe for concurrent use.
type fingerprints struct {
	mu    sync.Mutex
	files map[v1.Hash]fs.FileInfo
	wrong []byte // the manifest of the last snapshot whose reports were not right
	why   error
}

// refuse notes that the reports of the snapshot with this manifest are not right, which err says.
func (k *fingerprints) refuse(raw []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong, k.why = raw, err
}

// refused returns why the snapshot with this manifest was found wrong before, or nil.
func (k *fingerprints) refused(raw []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.why == nil || !bytes.Equal(k.wrong, raw) {
		return nil
	}
	return k.why
}

// has reports whether the file at path has the content that d describes.
func (k *fingerprints) has(ctx context.Context, path string, d v1.Descriptor) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	k.mu.Lock()
	then := k.files[d.Digest]
	k.mu.Unlock()
	if then != nil && unchanged(then, now) {
		return true
	}
	if err := verifyFile(ctx, path, d); err != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.files == nil {
		k.files = map[v1.Hash]fs.FileInfo{}
	}
	k.files[d.Digest] = now // as it was before it was read: a later change shows
	return true
}

// unchanged reports whether a file is the one it was, as far as its size and times tell.
func unchanged(then, now fs.FileInfo) bool {
	return os.SameFile(then, now) && then.Size() == now.Size() && then.ModTime().Equal(now.ModTime())
}

// verifyFile reads a file and compares it with its descriptor.
func verifyFile(ctx context.Context, path string, d v1.Descriptor) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return verifyAll(contextReader{ctx, f}, d.Digest, d.Size)
}
