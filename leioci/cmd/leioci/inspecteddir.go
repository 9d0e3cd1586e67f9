package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// An inspectedDir is a directory that was pulled.
type inspectedDir struct {
	root *os.Root
	dir  string
}

func openInspectedDir(dir string) (inspected, error) {
	root, err := regular.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", dir, err)
	}
	return &inspectedDir{root, dir}, nil
}

func (d *inspectedDir) name(v1.Hash) string { return d.dir }

func (d *inspectedDir) close() error { return d.root.Close() }

func (d *inspectedDir) referrers(context.Context, v1.Hash) ([]referrer, error) { return nil, nil }

func (d *inspectedDir) tags(context.Context, v1.Hash) ([]string, error) { return nil, nil }

func (d *inspectedDir) manifest(context.Context) (v1.Descriptor, []byte, error) {
	raw, err := d.read(artifact.ManifestFile, manifest.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		err = d.noManifest(err)
	}
	var mediaType types.MediaType
	if err == nil {
		mediaType, err = manifest.MediaType(raw, types.OCIManifestSchema1)
	}
	if err != nil {
		return v1.Descriptor{}, nil, fmt.Errorf("inspect %s: %w", d.dir, err)
	}
	digest, size, err := v1.SHA256(bytes.NewReader(raw))
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}, raw, err
}

// noManifest says what a directory is that has no manifest.
func (d *inspectedDir) noManifest(err error) error {
	if _, layout := d.root.Stat("oci-layout"); layout == nil {
		return usageError{fmt.Errorf("it is an OCI image layout; write oci-layout:%s", d.dir)}
	}
	if _, snapshot := d.root.Stat(snapshot.ManifestFile); snapshot == nil {
		return fmt.Errorf("%w: it was not pulled, so there is no manifest yet; leioci verify says what is in it", err)
	}
	return fmt.Errorf("%w: it is no directory that was pulled", err)
}

// blob reads a small file into memory. A directory keeps the config where there is one, and nothing
// keeps others from putting something else in its place.
func (d *inspectedDir) blob(_ context.Context, blob v1.Descriptor, file string) (io.ReadCloser, error) {
	if file == snapshot.ManifestFile {
		f, _, err := regular.OpenIn(d.root, file)
		return f, err
	}
	raw, err := d.read(artifact.ConfigFile, manifest.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotKept
	}
	if err != nil {
		return nil, err
	}
	if digest, _, err := v1.SHA256(bytes.NewReader(raw)); err != nil || digest != blob.Digest {
		return nil, fmt.Errorf("%s: %w: its digest is %s", artifact.ConfigFile, leioci.ErrVerification, digest)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

// read reads a file of limited size.
func (d *inspectedDir) read(name string, most int64) ([]byte, error) {
	f, _, err := regular.OpenIn(d.root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s: %w: more than %d bytes", name, leioci.ErrTooLarge, most)
	}
	return raw, err
}
