// Package inprocess has the same pushes and pulls with several Go libraries, for benchmarks in one
// process.
package inprocess

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/hack/bench/internal/artifact"
)

// Contents is an artifact in memory.
type Contents struct {
	Manifest []byte
	Blobs    []Blob // config, manifest.json, cache.jsonl.gz
}

// Blob is a part of an artifact.
type Blob struct {
	MediaType string
	Digest    v1.Hash // what a caller of the contract has; those who compute it do so again
	Data      []byte
}

// Load reads an artifact.
func Load(a *artifact.Artifact) (*Contents, error) {
	c := &Contents{Manifest: a.Manifest}
	for _, file := range []struct{ name, mediaType string }{
		{"config.json", "application/vnd.lei.cache.config.v1+json"},
		{"manifest.json", "application/vnd.lei.cache.manifest+json"},
		{"cache.jsonl.gz", "application/vnd.lei.cache.jsonl+gzip"},
	} {
		data, err := os.ReadFile(filepath.Join(a.Dir, file.name))
		if err != nil {
			return nil, err
		}
		digest, _, err := v1.SHA256(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		c.Blobs = append(c.Blobs, Blob{file.mediaType, digest, data})
	}
	return c, nil
}

// Library is a way to push and pull. Both hash every blob once at least.
type Library struct {
	Name string
	// Push uploads the blobs, which the repository does not have, and the manifest.
	Push func(ctx context.Context, repo, tag string, c *Contents) error
	// Pull reads the manifest and then each blob, one after the other, and keeps nothing.
	Pull func(ctx context.Context, repo, tag string) error
}

// Names of the libraries.
const (
	LeastWork  = "least work"
	GGCR       = "ggcr remote"
	ORAS       = "oras-go"
	NewClient  = "leioci, new client"
	KeptClient = "leioci, kept client"
)

// Libraries returns all of them, for the registry at host.
func Libraries(host string) ([]Library, error) {
	kept, err := keptClient(host)
	if err != nil {
		return nil, err
	}
	return []Library{leastWork(host), ggcr(host), orasGo(host), newClient(host), kept}, nil
}

// NewRepository returns a name that has not been used.
func NewRepository() string { return "bench/" + strings.ToLower(rand.Text()) }

// drain reads rc to its end, and closes it.
func drain(rc io.ReadCloser) error {
	_, err := io.Copy(io.Discard, rc)
	if closeErr := rc.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("read a blob: %w", err)
	}
	return nil
}
