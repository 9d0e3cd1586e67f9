package artifact

import (
	"encoding/json"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The files in a pulled directory that are not a snapshot's: the artifact's manifest and its config,
// byte for byte. Those who read snapshots ignore them.
const (
	ManifestFile = "oci-manifest.json"
	// ConfigFile is named as the original client names it.
	ConfigFile = "config.json"
)

// MaxConfigBytes is the size of the largest config that is kept: that of a manifest.
const MaxConfigBytes = 4 << 20

// TimeLayout is the format of times in an artifact: RFC 3339, UTC, with microseconds.
const TimeLayout = "2006-01-02T15:04:05.000000Z07:00"

// formatVersion is that of the config, and of the snapshots that this module makes.
const formatVersion = "1.0"

// MakeConfig makes the config of an artifact, its fields in the order in which the original client
// writes them.
func MakeConfig(leiVersion string, created time.Time, entries int64) ([]byte, error) {
	return json.Marshal(struct {
		LEIVersion    string `json:"lei_version"`
		FormatVersion string `json:"format_version"`
		Created       string `json:"created"`
		CacheEntries  int64  `json:"cache_entries"`
	}{leiVersion, formatVersion, created.UTC().Format(TimeLayout), entries})
}

// ConfigOf returns the file that holds the config of an artifact.
func ConfigOf(m *v1.Manifest) File { return File{ConfigFile, m.Config} }
