package ocilayout

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
)

// An Index is a decoded index.json. What this package does not know is kept when it is changed.
//
// The methods that read are safe for concurrent use, as long as nobody calls those that change it.
type Index struct {
	members map[string]json.RawMessage // all but manifests
	entries []*entry

	added      []*added                   // by this process
	addedBytes int                        // of what lists of referrers have of it
	replaced   map[string][]v1.Descriptor // what fallback tags named before

	mu      sync.Mutex
	seen    []node          // what is reachable, once that is known
	missing []v1.Descriptor // what of that was not there
}

// An entry is a descriptor in an Index.
type entry struct {
	v1.Descriptor
	members map[string]any // those of an entry that was decoded are of type json.RawMessage
	tag     string
	new     bool // made by this process
}

// NewIndex returns an index without entries.
func NewIndex() *Index {
	return &Index{members: map[string]json.RawMessage{
		"schemaVersion": json.RawMessage("2"),
		"mediaType":     json.RawMessage(`"` + string(types.OCIImageIndex) + `"`),
	}}
}

// ParseIndex decodes an index.json. The errors are errdef.ErrUnsupportedManifest and, for one that
// holds more than it may, errdef.ErrTooLarge.
func ParseIndex(raw []byte) (*Index, error) {
	m, err := manifest.ParseIndex(raw)
	if err != nil {
		return nil, err
	}
	x := &Index{}
	var entries []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &x.members); err != nil {
		return nil, fmt.Errorf("%w: %w", errdef.ErrUnsupportedManifest, err)
	}
	if err := json.Unmarshal(x.members["manifests"], &entries); err != nil {
		return nil, fmt.Errorf("%w: %w", errdef.ErrUnsupportedManifest, err)
	}
	delete(x.members, "manifests")
	for i, d := range m.Manifests {
		members := make(map[string]any, len(entries[i]))
		for name, value := range entries[i] {
			members[name] = value
		}
		x.entries = append(x.entries, &entry{Descriptor: d, members: members, tag: tagOf(d.Annotations)})
	}
	return x, nil
}

// Bytes returns the index as JSON. The error is errdef.ErrTooLarge for one that [ParseIndex] would
// refuse.
func (x *Index) Bytes() ([]byte, error) {
	entries := make([]map[string]any, len(x.entries))
	for i, e := range x.entries {
		entries[i] = e.members
	}
	all := maps.Clone(x.members)
	var err error
	if all["manifests"], err = json.Marshal(entries); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	if _, err := manifest.ParseIndex(raw); err != nil {
		return nil, fmt.Errorf("the new index would be unreadable: %w", err)
	}
	return raw, nil
}

// Tags returns all tags, each once, in the order of the entries.
func (x *Index) Tags() []string {
	var tags []string
	for _, e := range x.entries {
		if e.tag != "" && !slices.Contains(tags, e.tag) {
			tags = append(tags, e.tag)
		}
	}
	return tags
}

// tagged returns the manifests that a tag names: more than one if the index contradicts itself.
func (x *Index) tagged(tag string) []v1.Descriptor {
	var found []v1.Descriptor
	for _, e := range x.entries {
		if e.tag != tag {
			continue
		}
		if !slices.ContainsFunc(found, func(d v1.Descriptor) bool { return d.Digest == e.Digest }) {
			found = append(found, e.Descriptor)
		}
	}
	return found
}
