package main

import (
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// An exportDocument is what export prints as JSON.
type exportDocument struct {
	FormatVersion  int          `json:"format_version"`
	Directory      string       `json:"directory"`
	Snapshot       snapshotJSON `json:"snapshot"`
	RawSize        int64        `json:"raw_size"`
	CompressedSize int64        `json:"compressed_size"`
	Pushes         []pushJSON   `json:"pushes"` // those that did not fail
}

func newExportDocument(dir string, meta snapshot.Metadata, pushed []pushJSON) exportDocument {
	return exportDocument{
		FormatVersion: formatVersion, Directory: dir,
		Snapshot: snapshotJSON{dir, meta.Date.Format(time.DateOnly), meta.Created.Format(time.RFC3339Nano), meta.EntryCount},
		RawSize:  meta.RawSize, CompressedSize: meta.CompressedSize, Pushes: pushed,
	}
}
