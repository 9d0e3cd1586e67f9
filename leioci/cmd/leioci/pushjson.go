package main

import (
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// A pushDocument is what push prints as JSON.
type pushDocument struct {
	FormatVersion int        `json:"format_version"`
	Pushes        []pushJSON `json:"pushes"`
}

type pushJSON struct {
	Ref  string   `json:"ref"` // by digest
	Tags []string `json:"tags"`
}

// A dryRunDocument is what push --dry-run prints as JSON.
type dryRunDocument struct {
	FormatVersion int               `json:"format_version"`
	DryRun        bool              `json:"dry_run"` // true
	Pushes        []pushPreviewJSON `json:"pushes"`
}

func newDryRunDocument() dryRunDocument {
	return dryRunDocument{formatVersion, true, []pushPreviewJSON{}}
}

type pushPreviewJSON struct {
	Ref   string            `json:"ref"` // by digest
	Tags  []tagPreviewJSON  `json:"tags"`
	Blobs []blobPreviewJSON `json:"blobs"`
	Bytes int64             `json:"bytes"` // that would be sent
}

type tagPreviewJSON struct {
	Tag      string `json:"tag"`
	Change   string `json:"change"`              // make, move, leave or unseen
	Held     string `json:"held,omitempty"`      // the digest that it holds now
	HeldDate string `json:"held_date,omitempty"` // of the snapshot that it holds now
	Error    string `json:"error,omitempty"`     // why it cannot be seen
}

type blobPreviewJSON struct {
	descriptorJSON
	Sent bool `json:"sent"`
}

// newPushPreviewJSON says what a push would do.
func newPushPreviewJSON(to leioci.Location, p *leioci.PushPreview) pushPreviewJSON {
	j := pushPreviewJSON{Ref: to.At(p.Digest.String()).String()}
	for _, t := range p.Tags {
		tag := tagPreviewJSON{Tag: t.Tag, Change: string(t.Change)}
		if t.Held.Hex != "" {
			tag.Held = t.Held.String()
		}
		if !t.HeldDate.IsZero() {
			tag.HeldDate = t.HeldDate.Format(time.DateOnly)
		}
		if t.Err != nil {
			tag.Error = describeError(t.Err)
		}
		j.Tags = append(j.Tags, tag)
	}
	for _, b := range p.Blobs {
		j.Blobs = append(j.Blobs, blobPreviewJSON{describeLayer(b.Descriptor), b.Sent})
		if b.Sent {
			j.Bytes += b.Descriptor.Size
		}
	}
	return j
}
