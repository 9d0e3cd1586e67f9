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
// against the reports. The names of the repositories are not in it, because there may be very many:
// see [Snapshot.Repos].
type Metadata struct {
	// FormatVersion is the version of the format. The original client writes "1.0"; other versions
	// are accepted.
	FormatVersion string
	// LEIVersion is the version of LowEndInsight that made the reports.
	LEIVersion string
	// Created is when the snapshot was made, in UTC. It is never the zero time.
	Created time.Time
	// Date is the day of the snapshot, at midnight UTC. It is never the zero time.
	Date time.Time
	// EntryCount is the number of reports.
	EntryCount int64
	// RawSize is the size of the uncompressed JSON lines, in bytes.
	RawSize int64
	// CompressedSize is the size of cache.jsonl.gz, in bytes.
	CompressedSize int64
	// ContentHash is the hexadecimal SHA-256 of all lines concatenated without their newlines.
	ContentHash string
}

// ReadMetadata reads a manifest.json from r until EOF, in a stream: it keeps what Metadata has and
// none of the rest. The members date and created are required; other missing members are zero, and
// unknown members are ignored. A member of Metadata that is given twice is an error, because
// readers of JSON differ on which of the two counts.
//
// Content that is not such a JSON object is [ErrNotSnapshot], and more than [MaxManifestBytes] is
// [ErrTooLarge]. An error from r is wrapped, and comes before both.
func ReadMetadata(r io.Reader) (Metadata, error) {
	meta, err := readMetadata(r)
	if err != nil {
		return Metadata{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	return meta, nil
}

// readMetadata is ReadMetadata without the file name in its errors.
func readMetadata(r io.Reader) (Metadata, error) {
	source := &manifestReader{r: r}
	wire, err := decodeMetadata(source)
	if err != nil && source.err == nil {
		// Read on: r may verify its content, and say only at its end that this is not what was
		// published.
		_, _ = io.Copy(io.Discard, source)
	}
	if source.err != nil {
		return Metadata{}, source.err
	}
	var meta Metadata
	if err == nil {
		meta, err = wire.metadata()
	}
	if err != nil {
		return Metadata{}, fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	}
	return meta, nil
}

// manifestReader reads at most one byte more than a manifest.json may have. It keeps the first
// error, which tells a failure to read from content that is wrong.
type manifestReader struct {
	r     io.Reader
	n     int64
	empty int   // successive reads that returned nothing
	err   error // never io.EOF
}

// maxEmptyReads is when a reader that returns nothing is broken, as in package bufio.
const maxEmptyReads = 100

func (m *manifestReader) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p[:min(int64(len(p)), MaxManifestBytes+1-m.n)])
	if m.n += int64(n); m.n > MaxManifestBytes {
		err = fmt.Errorf("%w of %d bytes", ErrTooLarge, MaxManifestBytes)
	}
	if m.empty++; n > 0 {
		m.empty = 0
	} else if err == nil && m.empty >= maxEmptyReads {
		err = io.ErrNoProgress
	}
	if err != io.EOF {
		m.err = err
	}
	return n, err
}

// metadata validates the members and converts them to Go types. Errors truncate the values they
// quote.
func (w wireMetadata) metadata() (Metadata, error) {
	if w.date == "" {
		return Metadata{}, errors.New("date is missing")
	}
	date, err := time.Parse(time.DateOnly, w.date)
	if err != nil || !inTime(date) {
		return Metadata{}, fmt.Errorf("date %.40q is not a valid YYYY-MM-DD date", w.date)
	}
	if w.created == "" {
		return Metadata{}, errors.New("created is missing")
	}
	created, err := time.Parse(time.RFC3339, w.created)
	if err != nil || !inTime(created.UTC()) {
		return Metadata{}, fmt.Errorf("created %.40q is not an RFC 3339 time", w.created)
	}
	for _, number := range []struct {
		name  string
		value int64
	}{{"entry_count", w.entryCount}, {"raw_size", w.rawSize}, {"compressed_size", w.compressedSize}} {
		if number.value < 0 {
			return Metadata{}, fmt.Errorf("%s is negative: %d", number.name, number.value)
		}
	}
	return Metadata{
		FormatVersion:  w.formatVersion,
		LEIVersion:     w.leiVersion,
		Created:        created.UTC(),
		Date:           date,
		EntryCount:     w.entryCount,
		RawSize:        w.rawSize,
		CompressedSize: w.compressedSize,
		ContentHash:    w.contentHash,
	}, nil
}

// possible reports whether a manifest.json can say this.
func (m Metadata) possible() bool {
	return inTime(m.Created) && inTime(m.Date) && min(m.EntryCount, m.RawSize, m.CompressedSize) >= 0
}

// inTime reports whether t can be told from no time at all, and be written with a year of four
// digits: 9999-12-31T23:59:59-01:00 is in another year in UTC.
func inTime(t time.Time) bool { return t.After(time.Time{}) && t.Year() <= 9999 }
