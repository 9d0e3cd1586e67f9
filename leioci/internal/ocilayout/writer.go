package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Writer writes to a layout in a directory. It implements [store.Writer].
type Writer struct {
	layout *Layout
	log    logrus.FieldLogger
	last   func(context.Context) error // the last check before a commit; may be nil

	mu      sync.Mutex
	begun   bool        // the directory is there, and can be written to
	mode    fs.FileMode // of new files
	pending []pending   // in the order in which they were put
}

var _ store.Writer = (*Writer)(nil)

// A pending manifest is written, and not yet in index.json.
type pending struct {
	v1.Descriptor
	tags []string
}

// NewWriter returns a Writer for a directory, which is absent, or empty, or a layout. Otherwise the
// error is errdef.ErrTargetNotEmpty; for a layout of another version, or with an index.json that
// cannot be read, it is errdef.ErrUnsupportedManifest. Nothing is written before something is put.
//
// To log go, at level info, what the file system lacks, and as a warning what is waited for.
func NewWriter(ctx context.Context, dir string, log logrus.FieldLogger) (*Writer, error) {
	w := &Writer{layout: newLayout(dir), log: log}
	if dir == "" {
		return nil, fmt.Errorf("%w: no directory given", errdef.ErrInvalidReference)
	}
	return w, w.check(ctx)
}

// String implements [store.Writer].
func (w *Writer) String() string { return w.layout.String() }

// Path returns the absolute path of the directory.
func (w *Writer) Path() string { return w.layout.dir }

// check returns an error if the directory may not be written to, for what it is.
func (w *Writer) check(ctx context.Context) error {
	info, err := os.Stat(w.layout.dir)
	if errors.Is(err, fs.ErrNotExist) {
		info, err := os.Lstat(w.layout.dir)
		switch {
		case err != nil:
			return nil //nolint:nilerr // it is absent, or creating it will fail
		case info.Mode()&fs.ModeSymlink != 0:
			return w.refuse("a dangling symbolic link")
		}
		return w.check(ctx) // another Writer has just made it
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return w.refuse("not a directory")
	}
	root, err := regular.OpenRoot(w.layout.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Lstat(MarkerFile); errors.Is(err, fs.ErrNotExist) {
		err := w.checkEmpty()
		if _, now := root.Lstat(MarkerFile); now != nil {
			return err
		} // else another Writer has just made it a layout
	}
	if err := checkMarker(ctx, root); err != nil {
		return w.layout.fail(err)
	}
	if _, _, _, err := readIndex(ctx, root); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w.layout.fail(err)
	}
	return nil
}

// checkEmpty returns an error if the directory holds anything but what a Writer has begun.
func (w *Writer) checkEmpty() error {
	entries, err := os.ReadDir(w.layout.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.Name() == ingestDir, e.Name() == "lost+found": // the latter is in every new file system of some kinds
		case e.Name() == blobsDir && w.holdsBlobs():
		default:
			return w.refuse(fmt.Sprintf("it is no OCI image layout, and holds %q", e.Name()))
		}
	}
	return nil
}

// holdsBlobs reports whether the directory for blobs holds nothing else than those for each
// algorithm.
func (w *Writer) holdsBlobs() bool {
	entries, err := os.ReadDir(w.path(blobsDir))
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return !e.IsDir() || e.Name() != "sha256" && e.Name() != "sha512"
	})
}

func (w *Writer) refuse(why string) error {
	return fmt.Errorf("%w: %s: %s; name a new directory, or a layout", errdef.ErrTargetNotEmpty, w.layout.given, why)
}

// begin prepares the directory.
func (w *Writer) begin(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun {
		return nil
	}
	if err := w.check(ctx); err != nil { // again, because something may have come
		return err
	}
	if err := staging.MakeDir(w.layout.dir); err != nil {
		return err
	}
	var err error
	if w.mode, err = w.newFileMode(); err != nil {
		return w.layout.fail(err)
	}
	w.begun = true
	return nil
}

// mark makes the directory a layout: the file that says so comes last but one, so that a copy that
// fails leaves none.
func (w *Writer) mark(root *os.Root) error {
	if _, err := root.Lstat(MarkerFile); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.replace(root, MarkerFile, []byte(Marker)); err != nil {
		return err
	}
	return w.sync(".")
}

// path returns the path of something in the layout.
func (w *Writer) path(name string) string {
	return filepath.Join(w.layout.dir, filepath.FromSlash(name))
}

// Close implements [store.Writer].
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = nil
	if !w.begun {
		return nil
	}
	w.begun = false
	return removeIfEmpty(w.path(ingestDir))
}
