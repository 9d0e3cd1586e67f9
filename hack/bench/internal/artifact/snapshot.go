package artifact

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// reportBytes is about what one report adds to the two files. A snapshot of 1 GiB has a
// manifest.json of 15 MB.
const reportBytes = 3700

// The date is a Sunday, so that a snapshot has all three tags.
var date = time.Date(2026, time.February, 8, 0, 0, 0, 0, time.UTC)

// cacheWriter writes cache.jsonl.gz, and counts what manifest.json says about it.
type cacheWriter struct {
	file       *os.File
	zip        *gzip.Writer
	raw        *bufio.Writer
	hash       *bufio.Writer
	entries    int
	rawSize    int64
	evidence   []byte
	randomness *rand.ChaCha8
}

// writeSnapshot writes manifest.json and cache.jsonl.gz.
func writeSnapshot(dir string, size int64) error {
	file, err := os.Create(filepath.Join(dir, "cache.jsonl.gz"))
	if err != nil {
		return err
	}
	defer file.Close()
	// Huffman coding alone makes of base64 about what it encodes, and is quick.
	zip, err := gzip.NewWriterLevel(file, gzip.HuffmanOnly)
	if err != nil {
		return err
	}
	hash := sha256.New()
	w := &cacheWriter{
		file: file, zip: zip, raw: bufio.NewWriterSize(zip, 1<<16), hash: bufio.NewWriterSize(hash, 1<<16),
		evidence: make([]byte, reportBytes-400), randomness: rand.NewChaCha8([32]byte{}),
	}
	var repos []string
	for n := int64(0); n < max(1, size/reportBytes); n++ {
		repo := fmt.Sprintf("https://git.example.org/team-%02d/project-%06d", n%97, n)
		if err := w.report(repo); err != nil {
			return err
		}
		repos = append(repos, repo)
	}
	if err := w.flush(); err != nil {
		return err
	}
	compressed, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	manifest, err := json.MarshalIndent(map[string]any{
		"format_version": "1.0", "lei_version": "0.9.1",
		"created": date.Format("2006-01-02T15:04:05.000000Z"), "date": date.Format(time.DateOnly),
		"entry_count": w.entries, "repos": repos, "raw_size": w.rawSize, "compressed_size": compressed,
		"content_hash": hex.EncodeToString(hash.Sum(nil)),
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o644)
}

// report writes one report as a line.
func (w *cacheWriter) report(repo string) error {
	if _, err := w.randomness.Read(w.evidence); err != nil {
		return err
	}
	line, err := json.Marshal(map[string]any{
		"header": map[string]any{"repo": repo, "source_client": "lei cache export", "library_version": "0.9.1", "duration": w.entries % 60},
		"data": map[string]any{
			"repo": repo, "risk": []string{"low", "medium", "high", "critical"}[w.entries%4],
			"results": map[string]any{"contributor_count": w.entries % 31, "evidence": base64.StdEncoding.EncodeToString(w.evidence)},
		},
	})
	if err != nil {
		return err
	}
	if _, err := w.hash.Write(line); err != nil {
		return err
	}
	w.entries++
	w.rawSize += int64(len(line)) + 1
	_, err = w.raw.Write(append(line, '\n'))
	return err
}

func (w *cacheWriter) flush() error {
	if err := w.hash.Flush(); err != nil {
		return err
	}
	if err := w.raw.Flush(); err != nil {
		return err
	}
	return w.zip.Close()
}
