package snapshot

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxManifestBytes is the most that [ReadMetadata] and [Open] read of a manifest.json, in bytes.
const MaxManifestBytes = 64 << 20

// Metadata is what manifest.json says about a snapshot. Only [Snapshot.Verify] checks that it is true.
type Metadata struct {
	// FormatVersion is the version of the format; that of the original is "1.0". Others are not refused.
	FormatVersion string
	// LEIVersion is the version of LowEndInsight that made the reports.
	LEIVersion string
	// Created is when the snapshot was made, in UTC.
	Created time.Time
	// Date is the day the snapshot is of: midnight UTC.
	Date time.Time
	// EntryCount is the number of reports.
	EntryCount int64
	// Repos names the repositories of the reports, each once, in the order of their first reports.
	Repos []string
	// RawSize is the size of the uncompressed JSON lines, in bytes.
	RawSize int64
	// CompressedSize is the size of cache.jsonl.gz, in bytes.
	CompressedSize int64
	// ContentHash is the SHA-256, in hexadecimal, of the lines joined without their newlines.
	ContentHash string
}

// wireMetadata is manifest.json as it is written. A missing member is as one that is empty or 0.
type wireMetadata struct {
	FormatVersion  string   `json:"format_version"`
	LEIVersion     string   `json:"lei_version"`
	Created        string   `json:"created"`
	Date           string   `json:"date"`
	EntryCount     int64    `json:"entry_count"`
	Repos          []string `json:"repos"`
	RawSize        int64    `json:"raw_size"`
	CompressedSize int64    `json:"compressed_size"`
	ContentHash    string   `json:"content_hash"`
}

// ReadMetadata reads a manifest.json from r, to its end. Members that it does not know are ignored; a snapshot must
// have a date and a time of creation, and what else is missing is zero.
//
// Content that is not such a JSON object is [ErrNotSnapshot], more than [MaxManifestBytes] is [ErrTooLarge],
// and an error of r is returned as it is, wrapped.
func ReadMetadata(r io.Reader) (Metadata, error) {
	meta, err := readMetadata(r)
	if err != nil {
		return Metadata{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	return meta, nil
}

// readMetadata is ReadMetadata with errors that do not name the file.
func readMetadata(r io.Reader) (Metadata, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxManifestBytes+1))
	if err != nil {
		return Metadata{}, err
	}
	if len(data) > MaxManifestBytes {
		return Metadata{}, fmt.Errorf("%w of %d bytes", ErrTooLarge, MaxManifestBytes)
	}
	var wire wireMetadata
	if err := decodeObject(data, &wire); err != nil {
		return Metadata{}, fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	}
	meta, err := wire.metadata()
	if err != nil {
		return Metadata{}, fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	}
	return meta, nil
}

// metadata checks what was read and gives it its Go types. Values are cut short in errors.
func (w wireMetadata) metadata() (Metadata, error) {
	if w.Date == "" {
		return Metadata{}, errors.New("no date")
	}
	date, err := time.Parse(time.DateOnly, w.Date)
	if err != nil {
		return Metadata{}, fmt.Errorf("date %.40q is not a date like 2006-01-02", w.Date)
	}
	if w.Created == "" {
		return Metadata{}, errors.New("no created")
	}
	created, err := time.Parse(time.RFC3339, w.Created)
	if err != nil {
		return Metadata{}, fmt.Errorf("created %.40q is not an RFC 3339 time", w.Created)
	}
	for _, number := range []struct {
		name  string
		value int64
	}{{"entry_count", w.EntryCount}, {"raw_size", w.RawSize}, {"compressed_size", w.CompressedSize}} {
		if number.value < 0 {
			return Metadata{}, fmt.Errorf("%s is %d", number.name, number.value)
		}
	}
	return Metadata{
		FormatVersion:  w.FormatVersion,
		LEIVersion:     w.LEIVersion,
		Created:        created.UTC(),
		Date:           date,
		EntryCount:     w.EntryCount,
		Repos:          w.Repos,
		RawSize:        w.RawSize,
		CompressedSize: w.CompressedSize,
		ContentHash:    w.ContentHash,
	}, nil
}
