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

// A Snapshot is an open snapshot: what its manifest.json says, and its reports, which stay in their file.
// It may be used by several goroutines at once. [Open] makes one.
type Snapshot struct {
	path  string // of the cache file when it was opened, for errors
	cache *os.File
	size  int64 // of the cache file when it was opened
	meta  Metadata
}

// Close closes the snapshot's file. Iterations that are still running end with [io/fs.ErrClosed],
// and so does a second Close.
func (s *Snapshot) Close() error { return s.cache.Close() }

// Metadata returns what manifest.json says. The caller may change it.
func (s *Snapshot) Metadata() Metadata {
	meta := s.meta
	meta.Repos = slices.Clone(meta.Repos)
	return meta
}
