package main

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
)

// A descriptorJSON describes a blob or a manifest.
type descriptorJSON struct {
	MediaType    string            `json:"media_type"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifact_type,omitempty"`
	File         string            `json:"file,omitempty"` // that a layer becomes
	Platform     string            `json:"platform,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

func describeDescriptor(d v1.Descriptor) descriptorJSON {
	j := descriptorJSON{
		MediaType: string(d.MediaType), Digest: d.Digest.String(), Size: d.Size, ArtifactType: d.ArtifactType, Annotations: d.Annotations,
	}
	if d.Platform != nil {
		j.Platform = d.Platform.String()
	}
	return j
}

// describeLayer also names the file that a layer becomes.
func describeLayer(d v1.Descriptor) descriptorJSON {
	j := describeDescriptor(d)
	for _, f := range artifact.LayerFiles() {
		if f.MediaType == d.MediaType {
			j.File = f.Name
		}
	}
	return j
}

func (d descriptorJSON) descriptor() (v1.Descriptor, error) {
	digest, err := v1.NewHash(d.Digest)
	return v1.Descriptor{Digest: digest, Size: d.Size}, err
}
