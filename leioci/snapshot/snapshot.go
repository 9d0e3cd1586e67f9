package snapshot

import (
	"os"
	"slices"
)

// The names of a snapshot's files.
const (
	// ManifestFile is the JSON object that describes the snapshot.
	ManifestFile = "manifest.json"
	// CacheFile holds the reports: JSON lines, compressed with gzip.
	CacheFile = "cache.jsonl.gz"
)

// A Snapshot is an open snapshot: the metadata from its manifest.json, and its reports, which stay
// on disk. It is safe for concurrent use. [Open] returns one.
type Snapshot struct {
	path  string // of the cache file when it was opened, for errors
	cache *os.File
	size  int64 // of the cache file when it was opened
	meta  Metadata
}

// Close closes the snapshot's file. Iterations that are still running end with [io/fs.ErrClosed]; a
// second Close returns it.
func (s *Snapshot) Close() error { return s.cache.Close() }

// Metadata returns the contents of manifest.json. The caller may modify the result.
func (s *Snapshot) Metadata() Metadata {
	meta := s.meta
	meta.Repos = slices.Clone(meta.Repos)
	return meta
}
