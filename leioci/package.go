package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// PackageSnapshot makes an LEI artifact of an open snapshot: an image for [Client.PushSnapshot],
// for package remote and for OCI layouts. Both layers are the files that s has open, so that what
// s.Verify verified is what is published, under the date of s.Metadata, even if the directory is
// replaced meanwhile. Close s after the image was pushed, not before.
//
// The files are not read here, but under ctx when the image is first asked for something that
// depends on a digest: its manifest, its own digest or its layers. They are read once for that, and
// an error stays, except that of a ctx which has ended. They are read again when the image is
// pushed, as often as that needs. A file that was written to since s was opened is
// [ErrVerification], here and whenever it is read. Its size and modification time tell; a program
// that writes to it and sets the time back is not noticed between s.Verify and the first reading.
//
// Times and versions come from the snapshot, so that the same one always gives the same digest. The
// annotations are those of the [OCI image specification]: created, version (the snapshot's date),
// title and description, and on each layer its file's name as title.
//
// A date later than tomorrow is [ErrFuture], unless [PackageFuture] is given. Annotations that make
// the manifest larger than registries take are [ErrTooLarge]. A cache.jsonl.gz of any size can be
// packaged, but a client pulls no more than 8 GiB unless told to ([WithMaxBlobBytes]). Whether the
// reports agree with manifest.json is not checked; [snapshot.Snapshot.Verify] does that.
//
// [OCI image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md
func PackageSnapshot(ctx context.Context, s *snapshot.Snapshot, opts ...PackageOption) (v1.Image, error) {
	p, err := packageSnapshot(ctx, s, opts, openPackaged)
	if err != nil {
		return nil, fmt.Errorf("package the snapshot: %w", err)
	}
	return p.asImage()
}

// Package is [PackageSnapshot] for the snapshot in dir, for programs that do not verify it first.
// It opens manifest.json and cache.jsonl.gz together, as [snapshot.Open] does, and ignores other
// files. As it keeps none open, it reads them at once. When the image is pushed, they are opened
// again, and it is [ErrVerification] if they are not the files that were packaged, as after the
// directory was replaced.
//
// A directory that is not there, lacks one of the two files, has a link out of the directory in
// place of one, or a manifest.json that is not LEI's, is [ErrNotSnapshot]. The other errors are
// those of PackageSnapshot.
func Package(ctx context.Context, dir string, opts ...PackageOption) (v1.Image, error) {
	p, err := packageDir(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", dir, err)
	}
	return p.asImage()
}

func packageDir(ctx context.Context, dir string, opts []PackageOption) (*packaged, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: the directory's name is empty", ErrNotSnapshot)
	}
	dir, err := filepath.Abs(dir) // the image outlives a change of the working directory
	if err != nil {
		return nil, err
	}
	s, err := snapshot.Open(dir)
	if err != nil && errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNotSnapshot) {
		err = fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p, err := packageSnapshot(ctx, s, opts, reopenIn(dir))
	if err == nil {
		_, err = p.image.get(ctx)
	}
	return p, err
}

// packageSnapshot makes an image of s. open opens its layers when they are pushed.
func packageSnapshot(ctx context.Context, s *snapshot.Snapshot, opts []PackageOption, open fileOpener) (*packaged, error) {
	switch {
	case registry.IsNil(ctx):
		return nil, errNilContext
	case s == nil:
		return nil, errors.New("nil snapshot")
	case s.Files()[0].Name() == "":
		return nil, errors.New("the snapshot was not opened with snapshot.Open")
	}
	p, err := newPackaging(s.Metadata(), opts)
	if err != nil {
		return nil, err
	}
	m, config, err := p.manifest(s)
	if err != nil {
		return nil, err
	}
	made := newPackaged(ctx, s, m, config, open)
	return made, made.check()
}

// manifest is the artifact's manifest, without the digests of its layers, and its config.
func (p *packaging) manifest(s *snapshot.Snapshot) (m *v1.Manifest, config []byte, err error) {
	meta := s.Metadata()
	m = &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Annotations: p.allAnnotations(meta)}
	date, ok := artifact.Date(m)
	if err := p.refuseFuture(meta.Date); err != nil {
		return nil, nil, err
	}
	if err := p.refuseFuture(date); ok && err != nil { // what clients go by, whoever wrote it
		return nil, nil, fmt.Errorf("annotation %s: %w", artifact.AnnotationVersion, err)
	}
	if config, err = artifact.MakeConfig(p.leiVersion, p.created, meta.EntryCount); err != nil {
		return nil, nil, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, nil, err
	}
	m.Config = v1.Descriptor{MediaType: MediaTypeConfig, Size: size, Digest: digest}
	layers := artifact.LayerFiles()
	for i, f := range s.Files() { // in the same order
		m.Layers = append(m.Layers, v1.Descriptor{
			MediaType: layers[i].MediaType, Size: f.Info().Size(),
			Annotations: map[string]string{artifact.AnnotationTitle: layers[i].Name},
		})
	}
	return m, config, nil
}

// allAnnotations are those of the manifest.
func (p *packaging) allAnnotations(meta snapshot.Metadata) map[string]string {
	annotations := map[string]string{
		artifact.AnnotationCreated:     p.created.UTC().Format(artifact.TimeLayout),
		artifact.AnnotationVersion:     meta.Date.Format(time.DateOnly),
		artifact.AnnotationTitle:       "lei-cache",
		artifact.AnnotationDescription: "LEI analysis cache snapshot",
	}
	if !p.validity.Until.IsZero() {
		annotations[AnnotationValidUntil] = rfc3339(p.validity.Until)
	}
	if !p.validity.Next.IsZero() {
		annotations[AnnotationNextUpdate] = rfc3339(p.validity.Next)
	}
	maps.Copy(annotations, p.annotations)
	return annotations
}
