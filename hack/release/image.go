package main

import (
	"bytes"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeImage writes a multi-platform image of the Linux builds as an archive of an OCI layout, which
// docker load, podman load, skopeo (oci-archive:) and crane read.
func (r release) writeImage() (err error) {
	var index v1.ImageIndex = empty.Index
	index = mutate.IndexMediaType(index, types.OCIImageIndex)
	version := ""
	for _, b := range r.builds {
		if b.os != "linux" {
			continue
		}
		version = b.info.Main.Version
		img, err := r.image(b)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: b.os, Architecture: b.arch}},
		})
	}
	if version == "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "leioci-image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	tag := map[string]string{"org.opencontainers.image.ref.name": fileVersion(version)}
	if err := l.AppendIndex(index, layout.WithAnnotations(tag)); err != nil {
		return err
	}
	files, err := filesIn(dir)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := writeTar(&archive, files, r.created); err != nil {
		return err
	}
	return r.write("leioci_"+fileVersion(version)+"_image.tar", archive.Bytes())
}

// image makes the image of a build: its binary, and the little that it needs of a system.
func (r release) image(b build) (v1.Image, error) {
	var content bytes.Buffer
	if err := writeTar(&content, r.imageFiles(b), r.created); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: r.created}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{
		OS: b.os, Architecture: b.arch, Created: created, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:       "65532:65532",
			Entrypoint: []string{"/usr/bin/leioci"},
			Env:        []string{"PATH=/usr/bin"},
			WorkingDir: "/home/nonroot",
			Labels: map[string]string{
				"org.opencontainers.image.title":    "leioci",
				"org.opencontainers.image.version":  b.info.Main.Version,
				"org.opencontainers.image.revision": setting(b.info, "vcs.revision"),
				"org.opencontainers.image.source":   "https://" + b.info.Main.Path,
				"org.opencontainers.image.licenses": license,
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(img, mutate.Addendum{
		Layer: layer, History: v1.History{Created: created, CreatedBy: "hack/release.sh"},
	})
}
