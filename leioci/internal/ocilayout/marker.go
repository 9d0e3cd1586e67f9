package ocilayout

import (
	"encoding/json"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// The files of a layout, beside the blobs.
const (
	MarkerFile = "oci-layout"
	IndexFile  = "index.json"
)

// Marker is the content of [MarkerFile].
const Marker = `{"imageLayoutVersion":"` + version + `"}`

const version = "1.0.0"

// MaxMarkerBytes is the size of the largest [MarkerFile] that is read.
const MaxMarkerBytes = 4 << 10

// CheckMarker returns an error unless raw, the content of [MarkerFile], is that of a layout that this
// package knows. It is errdef.ErrUnsupportedManifest.
func CheckMarker(raw []byte) error {
	var marker struct {
		Version string `json:"imageLayoutVersion"`
	}
	switch err := json.Unmarshal(raw, &marker); {
	case len(raw) > MaxMarkerBytes:
		return NotLayout(fmt.Sprintf("its file %s has more than %d bytes", MarkerFile, MaxMarkerBytes))
	case err != nil:
		return NotLayout(fmt.Sprintf("its file %s is malformed: %.100s", MarkerFile, err.Error()))
	case marker.Version != version:
		return NotLayout(fmt.Sprintf("its imageLayoutVersion is %.20q, want %q", marker.Version, version))
	}
	return nil
}

// NotLayout returns an error, errdef.ErrUnsupportedManifest, that says why something is no layout.
func NotLayout(why string) error { return notLayout(why) }

type notLayout string

func (why notLayout) Error() string { return "not an OCI image layout: " + string(why) }

func (notLayout) Unwrap() error { return errdef.ErrUnsupportedManifest }
