package main

import (
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// served is an open snapshot that has an index.
type served struct {
	*snapshot.Snapshot
	info info
}

// info identifies the snapshot that a response comes from.
type info struct {
	Date    string    `json:"date"`
	Created time.Time `json:"created"`
	// Digest is the digest of the OCI manifest. It is empty if the directory has none.
	Digest  string `json:"digest,omitempty"`
	Reports int64  `json:"reports"`

	date time.Time
}

// age is the time since midnight UTC of the snapshot's date.
func (i *info) age() time.Duration { return time.Since(i.date) }
