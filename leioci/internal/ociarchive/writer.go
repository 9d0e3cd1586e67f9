package ociarchive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// A Writer writes an archive, or adds to one. It implements [store.Writer]. Blobs are written one
// after the other: who puts one while another is written waits.
type Writer struct {
	disk   disk
	log    logrus.FieldLogger
	target string
	most   int64                       // bytes of a blob
	last   func(context.Context) error // the last check before a commit; may be nil

	turn    chan struct{} // holds one element while somebody uses what follows
	ended   error         // why nothing can be put any more
	partial *partial
	first   former           // what was at the target when the Writer was opened
	relied  map[v1.Hash]bool // the blobs of first that HasBlob or PutBlob found
	puts    []put
}

// A put is a manifest that was put under tags. Its bytes are in a file: there may be many of them.
type put struct {
	v1.Descriptor
	tags []string
}

var _ store.Writer = (*Writer)(nil)

// NewWriter opens an archive to write to, which need not exist. Missing parents are created. If path
// is a symbolic link, the file that it points to is the target. While another process writes to the
// same archive, NewWriter waits, until ctx ends. Then it verifies what an interrupted Writer left.
//
// Blobs of more than maxBlobBytes are refused with errdef.ErrTooLarge. What is there and is not an
// archive of an OCI image layout, nor empty, is refused with errdef.ErrTargetNotEmpty.
//
// To log goes, at level info, what the file system lacks, and as a warning what NewWriter waits for
// and what went wrong after the archive was replaced.
func NewWriter(ctx context.Context, path string, maxBlobBytes int64, log logrus.FieldLogger) (*Writer, error) {
	return newWriter(ctx, osDisk{}, path, maxBlobBytes, log)
}

func newWriter(ctx context.Context, dk disk, path string, most int64, log logrus.FieldLogger) (*Writer, error) {
	if path == "" {
		return nil, errors.New("no file given to write an OCI archive to")
	}
	w := &Writer{
		disk: dk, log: log, target: staging.Locate(path), most: most,
		turn: make(chan struct{}, 1), relied: map[v1.Hash]bool{},
	}
	if err := w.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("write OCI archive %s: %w", path, err), w.close())
	}
	return w, nil
}

func (w *Writer) begin(ctx context.Context) error {
	// Refuse what cannot be replaced before waiting for anything.
	f, err := openFormer(ctx, w.target, w.most)
	if err != nil {
		return err
	}
	f.close()
	if err := w.disk.makeParents(filepath.Dir(w.target)); err != nil {
		return err
	}
	if w.partial, err = openPartial(ctx, w.disk, w.target, w.log); err != nil {
		w.partial = nil
		return err
	}
	if w.first, err = openFormer(ctx, w.target, w.most); err != nil {
		return err
	}
	return w.partial.resume(ctx, w.most)
}

// String returns the archive's location, oci-archive:FILE.
func (w *Writer) String() string { return location(w.target) }

// Path returns the absolute path of the archive, after symbolic links.
func (w *Writer) Path() string { return w.target }

// errEnded is returned after Commit and Close.
var errEnded = errors.New("the archive was committed or closed")

// inTurn calls f when nobody else is using the Writer.
func (w *Writer) inTurn(ctx context.Context, what string, f func() error) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%s: %s: %w", w, what, context.Cause(ctx))
	}
	err := w.ended
	if err == nil {
		err = f()
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", w, what, err)
	}
	return nil
}

// HasBlob implements [store.Writer]. A blob of the old archive counts if it verifies.
func (w *Writer) HasBlob(ctx context.Context, d v1.Descriptor) (has bool, err error) {
	err = w.inTurn(ctx, "look for "+d.Digest.String(), func() error {
		has, err = w.has(ctx, d)
		return err
	})
	return has, err
}

func (w *Writer) has(ctx context.Context, d v1.Descriptor) (bool, error) {
	if r := w.partial.at[d.Digest]; r != nil && r.whole {
		if r.size != d.Size {
			return false, fmt.Errorf("%w: it has %d bytes, not %d", errdef.ErrVerification, r.size, d.Size)
		}
		r.wanted = true
		return true, nil
	}
	if w.first.archive == nil {
		return false, nil
	}
	// What is damaged there is fetched again.
	_, size, err := w.first.archive.OpenBlob(ctx, d.Digest)
	there := err == nil && size == d.Size
	if there {
		w.relied[d.Digest] = true
	}
	return there, context.Cause(ctx)
}

// PutBlob implements [store.Writer].
func (w *Writer) PutBlob(ctx context.Context, d v1.Descriptor, from store.Reader) error {
	return w.inTurn(ctx, "write "+d.Digest.String(), func() error {
		return w.put(ctx, d, func(f *filling) error {
			_, err := from.Download(ctx, d, f)
			return err
		})
	})
}

// put writes a blob that is not there yet.
func (w *Writer) put(ctx context.Context, d v1.Descriptor, download func(*filling) error) error {
	if digest, err := v1.NewHash(d.Digest.String()); err != nil || digest != d.Digest || d.Size < 0 {
		return fmt.Errorf("%w: a descriptor with the digest %.200q and the size %d", errdef.ErrUnsupportedManifest, d.Digest, d.Size)
	}
	if d.Size > w.most {
		return fmt.Errorf("%w: %d bytes, limit %d", errdef.ErrTooLarge, d.Size, w.most)
	}
	if there, err := w.has(ctx, d); err != nil || there {
		return err
	}
	r, err := w.partial.place(d)
	if err != nil {
		return err
	}
	if err := w.partial.fill(r, download); err != nil {
		return err
	}
	r.wanted = true
	return nil
}

// PutManifest implements [store.Writer].
func (w *Writer) PutManifest(ctx context.Context, m *store.Manifest, tags ...string) error {
	return w.inTurn(ctx, "write manifest "+m.Descriptor.Digest.String(), func() error {
		if err := ocilayout.NewIndex().Add(m, tags...); err != nil {
			return err
		}
		if err := w.putBytes(ctx, m); err != nil {
			return err
		}
		w.puts = append(w.puts, put{m.Descriptor, slices.Clone(tags)})
		return nil
	})
}

// putBytes writes the bytes of a manifest.
func (w *Writer) putBytes(ctx context.Context, m *store.Manifest) error {
	d := m.Descriptor
	if err := verify.All(ctx, bytes.NewReader(m.Raw), d.Digest, d.Size); err != nil {
		return err
	}
	return w.put(ctx, d, func(f *filling) error {
		if err := f.Reset(); err != nil {
			return err
		}
		_, err := f.Write(m.Raw)
		return err
	})
}

// Close implements [store.Writer].
func (w *Writer) Close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	w.ended = errEnded
	return w.close()
}

// close closes the files that are open.
func (w *Writer) close() error {
	w.first.close()
	if w.partial == nil {
		return nil
	}
	return w.partial.close()
}
