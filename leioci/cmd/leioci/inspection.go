package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// An inspection is what inspect prints. These are its members as JSON, to which others may be added.
type inspection struct {
	FormatVersion int    `json:"format_version"`
	Source        string `json:"source"` // the reference by digest, or the directory
	Digest        string `json:"digest"`
	MediaType     string `json:"media_type"`
	Size          int64  `json:"size"` // of the manifest, in bytes
	Kind          string `json:"kind"`
	NotSnapshot   string `json:"not_snapshot,omitempty"` // why it is none
	ArtifactType  string `json:"artifact_type,omitempty"`
	Date          string `json:"date,omitempty"`     // of the snapshot
	AgeDays       *int   `json:"age_days,omitempty"` // whole days since then; negative in the future

	Subject     *descriptorJSON   `json:"subject,omitempty"`
	Config      *configJSON       `json:"config,omitempty"`
	Layers      []descriptorJSON  `json:"layers"`
	Manifests   []descriptorJSON  `json:"manifests"` // that an index lists
	BlobSize    int64             `json:"blob_size"` // of config and layers, in bytes
	Annotations map[string]string `json:"annotations"`
	Tags        []string          `json:"tags,omitempty"` // that hold it, in a layout or an archive
	Referrers   []referrer        `json:"referrers"`
	Errors      []string          `json:"errors,omitempty"` // what could not be read

	local bool // nothing in a directory tells of referrers
}

// newInspection describes a manifest of any kind.
func newInspection(source string, d v1.Descriptor, raw []byte) *inspection {
	s := summarize(d, raw)
	i := &inspection{
		FormatVersion: formatVersion, Source: source, Digest: s.digest, MediaType: s.mediaType, Size: d.Size, Kind: s.kind,
		Date: s.date, BlobSize: s.size,
		Layers: []descriptorJSON{}, Manifests: []descriptorJSON{}, Annotations: map[string]string{}, Referrers: []referrer{},
	}
	if s.notSnapshot != nil {
		i.NotSnapshot = describeError(s.notSnapshot)
	}
	listed, err := manifest.Listed(raw)
	switch {
	case s.image != nil:
		i.Config = &configJSON{descriptorJSON: describeDescriptor(s.image.Config), kept: true}
		for _, layer := range s.image.Layers {
			i.Layers = append(i.Layers, describeLayer(layer))
		}
	case s.kind == kindIndex && err == nil:
		for _, one := range listed {
			i.Manifests = append(i.Manifests, describeDescriptor(one))
		}
	default:
		return i // it may hold anything, and too much of it
	}
	var further struct {
		ArtifactType string            `json:"artifactType"`
		Annotations  map[string]string `json:"annotations"`
		Subject      *v1.Descriptor    `json:"subject"`
	}
	if json.Unmarshal(raw, &further) != nil { // only an index may be wrong in these
		return i
	}
	i.ArtifactType = further.ArtifactType
	if further.Annotations != nil {
		i.Annotations = further.Annotations
	}
	if further.Subject != nil {
		subject := describeDescriptor(*further.Subject)
		i.Subject = &subject
	}
	return i
}

// complete adds what the manifest does not say itself. The error is about what could not be read.
func (i *inspection) complete(ctx context.Context, from inspected, now time.Time) error {
	_, i.local = from.(*inspectedDir)
	var problems []error
	note := func(what string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", what, err))
			i.Errors = append(i.Errors, describeError(problems[len(problems)-1]))
		}
	}
	if i.Config != nil {
		note("config", i.Config.read(ctx, from))
	}
	if i.Kind == kindSnapshot && i.Date == "" {
		note("date", i.readDate(ctx, from))
	}
	if date, err := time.Parse(time.DateOnly, i.Date); err == nil {
		age := int(now.UTC().Truncate(day).Sub(date) / day)
		i.AgeDays = &age
	}
	digest, err := v1.NewHash(i.Digest)
	if err == nil {
		var found []referrer
		found, err = from.referrers(ctx, digest)
		i.Referrers = append(i.Referrers, found...)
	}
	note("referrers", err)
	i.Tags, err = from.tags(ctx, digest)
	note("tags", err)
	return errors.Join(problems...)
}

// readDate takes the date from manifest.json: the original client does not annotate it.
func (i *inspection) readDate(ctx context.Context, from inspected) error {
	for _, layer := range i.Layers {
		if layer.File != snapshot.ManifestFile {
			continue
		}
		d, err := layer.descriptor()
		if err != nil {
			return err
		}
		rc, err := from.blob(ctx, d, layer.File)
		if err != nil {
			return err
		}
		defer rc.Close()
		meta, err := snapshot.ReadMetadata(rc)
		if err == nil {
			i.Date = meta.Date.Format(time.DateOnly)
		}
		return err
	}
	return nil
}
