package target

import (
	"bytes"
	"context"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// replaceable describes the directories that may be replaced. The index is there because
// [snapshot.Index] makes it.
func replaceable() staging.Replaceable {
	return staging.Replaceable{
		Required:  []string{snapshot.ManifestFile, snapshot.CacheFile},
		Optional:  []string{artifact.ManifestFile, artifact.ConfigFile, snapshot.IndexFile, verifiedFile},
		Temporary: snapshot.TempPrefix,
		Damaged:   func(dir string) bool { return readHeld(dir) != nil },
		Downloads: func(dir string) map[string]string {
			ids := map[string]string{}
			if h := readHeld(dir); h != nil {
				for _, f := range append(h.files, h.config) {
					ids[f.Name] = partialID(f.Descriptor.Digest)
				}
			}
			return ids
		},
	}
}

// A held is the snapshot in a directory, according to the manifest kept with it, byte for byte.
type held struct {
	dir    string
	raw    []byte
	digest v1.Hash
	files  []artifact.File
	config artifact.File // which an earlier version did not keep

	manifest *v1.Manifest // raw, decoded
}

// readHeld returns what dir holds, or nil if that is nothing or cannot be determined.
func readHeld(dir string) *held {
	raw, err := regular.Read(filepath.Join(dir, artifact.ManifestFile), manifest.MaxBytes+1)
	if err != nil {
		return nil
	}
	m, err := manifest.Parse(raw, types.OCIManifestSchema1)
	if err != nil {
		return nil
	}
	files, err := artifact.Files(m)
	if err != nil {
		return nil
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return &held{dir, raw, digest, files, artifact.ConfigOf(m), m}
}

// bytes returns the manifest, or nil for none.
func (h *held) bytes() []byte {
	if h == nil {
		return nil
	}
	return h.raw
}

// intact reports whether every file of the snapshot has the right size and digest. The config is not
// looked at: nobody who reads a snapshot needs it.
func (h *held) intact(ctx context.Context, memory *Memory, told *progress.Tracker) bool {
	if h == nil {
		return false
	}
	for _, f := range h.files {
		blob := told.Blob(f.Name, f.Descriptor.Digest, f.Descriptor.Size)
		if !memory.verified(ctx, filepath.Join(h.dir, f.Name), f.Descriptor, blob) {
			return false
		}
	}
	return true
}

// path returns the path of the file that should have the given digest, or an empty string.
func (h *held) path(digest v1.Hash) string {
	if h == nil {
		return ""
	}
	for _, f := range h.files {
		if f.Descriptor.Digest == digest {
			return filepath.Join(h.dir, f.Name)
		}
	}
	return ""
}

// metadataOf returns what the manifest.json in dir says. The errors are those of
// snapshot.ReadMetadata, and of opening the file.
func metadataOf(dir string) (snapshot.Metadata, error) {
	f, _, err := regular.Open(filepath.Join(dir, snapshot.ManifestFile))
	if err != nil {
		return snapshot.Metadata{}, err
	}
	defer f.Close()
	return snapshot.ReadMetadata(f)
}

// verifyFile compares a file with its descriptor.
func verifyFile(ctx context.Context, path string, d v1.Descriptor) error {
	f, _, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return verify.All(ctx, f, d.Digest, d.Size)
}
