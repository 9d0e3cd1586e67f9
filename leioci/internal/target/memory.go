package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// Memory is what repeated pulls into one directory share: which files were read and found intact,
// so that each is read once, and what is known of snapshots that were refused, so that they are not
// fetched again. Its zero value remembers nothing yet. It is safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	files    map[v1.Hash]fs.FileInfo
	metadata map[v1.Hash]metadata // by the digest of manifest.json
	reports  reports              // the last that were read and found well-formed
	wrong    map[v1.Hash]error    // why reports were malformed, by the digest of the manifest
}

// mostRemembered is how many entries a map of Memory has at most. Which snapshots there are is up
// to others.
const mostRemembered = 16

// metadata is what is known of a manifest.json: its times, or that it is not LEI's. It is not a
// verdict, which depends on the clock and on what the directory holds by then.
type metadata struct {
	date, created time.Time
	err           error  // errdef.ErrNotSnapshot or errdef.ErrTooLarge
	config        []byte // what it makes the artifact's config; not remembered
}

// learn notes what is known of the manifest.json with a digest.
func (m *Memory) learn(digest v1.Hash, meta metadata) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.metadata = put(m.metadata, digest, meta)
}

// known returns what is known of the manifest.json with a digest.
func (m *Memory) known(digest v1.Hash) (metadata, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	meta, ok := m.metadata[digest]
	return meta, ok
}

// refuse records that the reports of the snapshot with this manifest are malformed, and why. A tag
// may name several such snapshots in turns, for example where a registry's replicas disagree.
func (m *Memory) refuse(raw []byte, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = put(m.wrong, digestOf(raw), why)
}

// refused returns why the snapshot with this manifest was refused before, or nil.
func (m *Memory) refused(raw []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wrong[digestOf(raw)]
}

func digestOf(raw []byte) v1.Hash {
	sum := sha256.Sum256(raw)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// acceptReports notes that the files of a snapshot were read and its reports found well-formed.
func (m *Memory) acceptReports(r reports) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reports = r
}

// acceptedReports reports whether these are the files that acceptReports was last told of.
func (m *Memory) acceptedReports(r reports) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return r.unchanged(m.reports)
}

// verified reports whether the file at path has the content that d describes. A symbolic link has
// not: whoever opens the snapshot does not follow it out of the directory. If it has to be read for
// that, blob is told.
func (m *Memory) verified(ctx context.Context, path string, d v1.Descriptor, blob *progress.Blob) bool {
	now, err := os.Lstat(path)
	if err != nil || !now.Mode().IsRegular() {
		return false
	}
	m.mu.Lock()
	then := m.files[d.Digest]
	m.mu.Unlock()
	if then != nil && regular.Unchanged(then, now) {
		return true
	}
	blob.Enter(progress.Verifying)
	if err := verifyFile(ctx, path, d); err != nil {
		return false
	}
	blob.Finish(progress.Reused, d.Digest)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files = put(m.files, d.Digest, now) // as it was before it was read: a later change shows
	return true
}

// forget notes that the files with these digests may not be intact after all.
func (m *Memory) forget(digests ...v1.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, digest := range digests {
		delete(m.files, digest)
	}
}

// put sets an entry of a map, which it makes, or empties, where need be.
func put[V any](in map[v1.Hash]V, key v1.Hash, value V) map[v1.Hash]V {
	if in == nil || len(in) >= mostRemembered {
		in = map[v1.Hash]V{}
	}
	in[key] = value
	return in
}
