package snapshot

import "errors"

// The names of a snapshot's files.
const (
	// ManifestFile is the JSON object that describes the snapshot.
	ManifestFile = "manifest.json"
	// CacheFile holds the reports: JSON lines, compressed with gzip.
	CacheFile = "cache.jsonl.gz"
)

// A Snapshot is an open snapshot: the metadata from its manifest.json, and its files, which stay on
// disk. It is safe for concurrent use. [Open] returns one.
type Snapshot struct {
	manifest, cache File
	meta            Metadata
	metaOfIndex     bool   // which has what manifest.json said when the index was made
	opened          *index // nil if there is none; open until Close, whether it can be believed or not
	state           *indexState
}

// Close closes the snapshot's files. Iterations that are still running end with [io/fs.ErrClosed];
// a second Close returns it.
func (s *Snapshot) Close() error {
	return errors.Join(s.manifest.file.Close(), s.cache.file.Close(), s.opened.close())
}

// Metadata returns what manifest.json said when the snapshot was opened.
func (s *Snapshot) Metadata() Metadata { return s.meta }
