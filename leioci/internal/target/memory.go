package target

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// Memory is shared by repeated pulls into one directory. It remembers which files were found
// intact, so that each is read only once, and which snapshot had malformed reports, so that it is
// not fetched again. The zero value is ready to use. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	files map[v1.Hash]fs.FileInfo
	wrong []byte // the manifest of the last snapshot whose reports were malformed
	why   error
}

// refuse records that the reports of the snapshot with this manifest are malformed, and why.
func (m *Memory) refuse(raw []byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong, m.why = raw, err
}

// refused returns why the snapshot with this manifest was refused before, or nil.
func (m *Memory) refused(raw []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.why == nil || !bytes.Equal(m.wrong, raw) {
		return nil
	}
	return m.why
}

// verified reports whether the file at path has the content that d describes.
func (m *Memory) verified(ctx context.Context, path string, d v1.Descriptor) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	m.mu.Lock()
	then := m.files[d.Digest]
	m.mu.Unlock()
	if then != nil && regular.Unchanged(then, now) {
		return true
	}
	if err := verifyFile(ctx, path, d); err != nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[v1.Hash]fs.FileInfo{}
	}
	m.files[d.Digest] = now // from before the read, so that a later change shows
	return true
}
