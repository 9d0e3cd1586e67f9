package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A manifestWriter writes a manifest.json as the original client does: its members in that order,
// two spaces for each level, no newline at the end. The names come first, so they are written as
// they come.
type manifestWriter struct {
	w    *bufio.Writer
	n    int64
	seen map[repoHash]struct{}
	text bytes.Buffer
	json *json.Encoder // to text
}

// A repoHash stands for a name. It is long enough that nobody finds two names with the same.
type repoHash [16]byte

// manifestRestBytes is more than manifest.json has besides the names and the version of LEI.
const manifestRestBytes = 1 << 10

func newManifestWriter(w io.Writer) *manifestWriter {
	m := &manifestWriter{w: bufio.NewWriterSize(w, fileBufferBytes), seen: map[repoHash]struct{}{}}
	m.json = json.NewEncoder(&m.text)
	m.json.SetEscapeHTML(false)
	return m
}

// known reports whether a name has been added, and returns what stands for it.
func (m *manifestWriter) known(repo []byte) (repoHash, bool) {
	sum := sha256.Sum256(repo)
	key := repoHash(sum[:])
	_, known := m.seen[key]
	return key, known
}

// encode returns a name in JSON, valid until the next call. It fails if manifest.json would become
// larger than readers accept.
func (m *manifestWriter) encode(repo []byte, version string) ([]byte, error) {
	text, err := m.quote(string(repo))
	if err != nil {
		return nil, err
	}
	const most = 6 // bytes of JSON for one byte of a string
	if m.n+int64(len(text)+len(",\n    ")+most*len(version)) > MaxManifestBytes-manifestRestBytes {
		return nil, fmt.Errorf("%s: %w of %d bytes: too many repositories", ManifestFile, ErrTooLarge, MaxManifestBytes)
	}
	return text, nil
}

// quote returns s in JSON.
func (m *manifestWriter) quote(s string) ([]byte, error) {
	m.text.Reset()
	err := m.json.Encode(s)
	return bytes.TrimSuffix(m.text.Bytes(), []byte("\n")), err
}

// add writes a name that was not known before.
func (m *manifestWriter) add(key repoHash, text []byte) error {
	before := ",\n    "
	if len(m.seen) == 0 {
		before = "{\n  \"repos\": [\n    "
	}
	m.seen[key] = struct{}{}
	m.n += int64(len(before) + len(text))
	_, _ = m.w.WriteString(before) // Write returns the same error
	_, err := m.w.Write(text)
	return err
}

// finish writes the rest.
func (m *manifestWriter) finish(meta Metadata) error {
	end := "\n  ]"
	if len(m.seen) == 0 {
		end = "{\n  \"repos\": []"
	}
	version, err := m.quote(meta.LEIVersion)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.w, `%s,
  "raw_size": %d,
  "lei_version": %s,
  "format_version": "%s",
  "entry_count": %d,
  "date": "%s",
  "created": "%s",
  "content_hash": "%s",
  "compressed_size": %d
}`, end, meta.RawSize, version, meta.FormatVersion, meta.EntryCount,
		meta.Date.Format(time.DateOnly), meta.Created.Format(createdLayout), meta.ContentHash, meta.CompressedSize)
	if err != nil {
		return err
	}
	return m.w.Flush()
}

// createdLayout has microseconds, as the original client writes them.
const createdLayout = "2006-01-02T15:04:05.000000Z"
