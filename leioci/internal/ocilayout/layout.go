package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// A Layout is a layout in a directory, to read. It holds nothing open. It implements [store.Local].
type Layout struct {
	given    string // how the caller wrote the directory
	dir      string
	verified verified

	mu        sync.Mutex
	index     *Index // nil before it was read
	indexInfo fs.FileInfo
}

var _ store.Local = (*Layout)(nil)

// Open opens the layout in a directory. The errors: errdef.ErrNotFound if there is no directory, and
// errdef.ErrUnsupportedManifest if there is something else than a layout. They name the directory.
func Open(ctx context.Context, dir string) (*Layout, error) {
	l := newLayout(dir)
	root, err := l.root()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if err := checkMarker(ctx, root); err != nil {
		return nil, l.fail(err)
	}
	_, err = l.load(ctx)
	return l, err
}

func newLayout(dir string) *Layout { return &Layout{given: dir, dir: staging.Absolute(dir)} }

// root opens the directory.
func (l *Layout) root() (*os.Root, error) {
	info, err := os.Stat(l.dir)
	switch {
	case l.dir == "" || errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: no directory %s: %w", errdef.ErrNotFound, l.given, fs.ErrNotExist)
	case err != nil:
		return nil, err
	case info.Mode().IsRegular():
		return nil, l.fail(NotLayout("it is a file; an archive of a layout is named oci-archive:" + l.given))
	case !info.IsDir():
		return nil, l.fail(NotLayout("it is no directory"))
	}
	return regular.OpenRoot(l.dir)
}

// checkMarker returns an error unless a directory has the file that layouts have.
func checkMarker(ctx context.Context, root *os.Root) error {
	raw, _, err := readFile(ctx, root, MarkerFile, MaxMarkerBytes+1)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return CheckMarker(raw)
	}
	if _, statErr := root.Lstat(IndexFile); statErr == nil {
		return NotLayout("it has a file " + IndexFile + ", but no file " + MarkerFile)
	}
	if _, statErr := root.Lstat(blobsDir); statErr == nil {
		return fmt.Errorf("%w: a directory with blobs, but without %s: nothing was completely written to it", errdef.ErrNotFound, MarkerFile)
	}
	return NotLayout("it has no file " + MarkerFile)
}

// readFile reads at most so many bytes of a file.
func readFile(ctx context.Context, root *os.Root, name string, most int64) ([]byte, fs.FileInfo, error) {
	f, info, err := regular.OpenIn(root, name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(verify.Until(ctx, f), most))
	return raw, info, err
}

// String implements [store.Reader].
func (l *Layout) String() string { return "oci-layout:" + l.given }

// fail says which layout an error is about.
func (l *Layout) fail(err error) error { return fmt.Errorf("%s: %w", l.given, err) }

// load returns index.json, read again if it has changed.
func (l *Layout) load(ctx context.Context) (*Index, error) {
	root, err := l.root()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.index != nil {
		if now, err := root.Stat(IndexFile); err == nil && regular.Unchanged(l.indexInfo, now) {
			return l.index, nil
		}
	}
	x, _, info, err := readIndex(ctx, root)
	if err != nil {
		return nil, l.fail(err)
	}
	l.index, l.indexInfo = x, info
	return x, nil
}

// readIndex reads index.json.
func readIndex(ctx context.Context, root *os.Root) (*Index, []byte, fs.FileInfo, error) {
	raw, info, err := readFile(ctx, root, IndexFile, manifest.MaxBytes+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil, fmt.Errorf("%w: a layout without %s: nothing was completely written to it: %w",
			errdef.ErrNotFound, IndexFile, fs.ErrNotExist)
	case err != nil:
		return nil, nil, nil, err
	case len(raw) == 0:
		return nil, nil, nil, fmt.Errorf("%w: %s is empty, as a program leaves it that was interrupted; remove it to write anew",
			errdef.ErrUnsupportedManifest, IndexFile)
	}
	x, err := ParseIndex(raw)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%s: %w", IndexFile, err)
	}
	return x, raw, info, nil
}

// Manifest implements [store.Reader]; see [Index.Manifest].
func (l *Layout) Manifest(ctx context.Context, id string) (*store.Manifest, error) {
	x, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	return x.Manifest(ctx, id, l.read)
}

// Tags implements [store.Reader].
func (l *Layout) Tags(ctx context.Context) ([]string, error) {
	x, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	return x.Tags(), nil
}

// Default returns the tag, or else the digest, of the artifact that is meant when none is named; see
// [Index.Default].
func (l *Layout) Default(ctx context.Context) (id string, err error) {
	x, err := l.load(ctx)
	if err != nil {
		return "", err
	}
	return x.Default(ctx, l.read)
}

// Referrers implements [store.Reader]; see [Index.Referrers].
func (l *Layout) Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	x, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	return x.Referrers(ctx, subject, l.read)
}

// Close implements [store.Local]. Files that [Layout.OpenBlob] opened stay open.
func (l *Layout) Close() error { return nil }
