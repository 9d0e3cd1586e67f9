package snapshot

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxManifestBytes is the size of the largest manifest.json that [ReadMetadata] and [Open] accept.
const MaxManifestBytes = 64 << 20

// Metadata describes a snapshot, as manifest.json states it. Only [Snapshot.Verify] checks it
// against the reports.
type Metadata struct {
	// FormatVersion is the version of the format. The original client writes "1.0"; other versions
	// are accepted.
	FormatVersion string
	// LEIVersion is the version of LowEndInsight that made the reports.
	LEIVersion string
	// Created is when the snapshot was made, in UTC.
	Created time.Time
	// Date is the day of the snapshot, at midnight UTC.
	Date time.Time
	// EntryCount is the number of reports.
	EntryCount int64
	// Repos lists the repositories of the reports, each once, in order of first appearance.
	Repos []string
	// RawSize is the size of the uncompressed JSON lines, in bytes.
	RawSize int64
	// CompressedSize is the size of cache.jsonl.gz, in bytes.
	CompressedSize int64
	// ContentHash is the hexadecimal SHA-256 of all lines concatenated without their newlines.
	ContentHash string
}

// wireMetadata is manifest.json as it is encoded. A missing member reads as empty or 0.
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

// ReadMetadata reads a manifest.json from r until EOF. The members date and created are required;
// other missing members are zero, and unknown members are ignored.
//
// Content that is not such a JSON object is [ErrNotSnapshot], and more than [MaxManifestBytes] is
// [ErrTooLarge]. An error from r is wrapped.
func ReadMetadata(r io.Reader) (Metadata, error) {
	meta, err := readMetadata(r)
	if err != nil {
		return Metadata{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	return meta, nil
}

// readMetadata is ReadMetadata without the file name in its errors.
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

// metadata validates the members and converts them to Go types. Errors truncate the values they
// quote.
func (w wireMetadata) metadata() (Metadata, error) {
	if w.Date == "" {
		return Metadata{}, errors.New("date is missing")
	}
	date, err := time.Parse(time.DateOnly, w.Date)
	if err != nil {
		return Metadata{}, fmt.Errorf("date %.40q is not a valid YYYY-MM-DD date", w.Date)
	}
	if w.Created == "" {
		return Metadata{}, errors.New("created is missing")
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
			return Metadata{}, fmt.Errorf("%s is negative: %d", number.name, number.value)
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
