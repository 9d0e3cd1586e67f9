package ocilayout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// OnCommit implements [store.Writer].
func (w *Writer) OnCommit(check func(context.Context) error) { w.last = check }

// Commit implements [store.Writer]. After it, the Writer may be used for more.
func (w *Writer) Commit(ctx context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	unlock, err := w.lock(ctx)
	if err != nil {
		return err
	}
	err = w.commit(ctx)
	unlock()
	if err != nil {
		return fmt.Errorf("%s was not changed: %w", w.path(IndexFile), err)
	}
	if err := sweep(w.path(ingestDir)); err != nil {
		w.log.Infof("%s was written, but what is of no more use was left: %v", w.layout.given, err)
	}
	return nil
}

// commit puts what is pending into index.json. The lock is held.
func (w *Writer) commit(ctx context.Context) error {
	w.mu.Lock()
	all := slices.Clone(w.pending)
	w.mu.Unlock()
	root, err := regular.OpenRoot(w.layout.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	const most = 10
	for range most {
		merged, err := w.merge(ctx, root, all)
		if err != nil {
			return err
		}
		if err := w.syncBlobs(); err != nil {
			return err
		}
		if w.last != nil {
			if err := w.last(ctx); err != nil {
				return err
			}
		}
		if merged.changedSince(root) {
			continue // by a program that does not lock
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if !bytes.Equal(merged.before, merged.after) {
			if err := w.mark(root); err != nil {
				return err
			}
			if err := w.replace(root, IndexFile, merged.after); err != nil {
				return err
			}
			if err := w.sync("."); err != nil {
				w.log.Warnf("%s was written, but after a loss of power, the old one may come back: %v", w.path(IndexFile), err)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pending = slices.Delete(w.pending, 0, len(all))
		return nil
	}
	return errors.New("another program writes to it all the time")
}

// A merging is an index.json before and after something was added to it.
type merging struct {
	before, after []byte
	info          fs.FileInfo // of the file before; nil if there was none
}

// merge adds to index.json what is pending. It writes new lists of referrers, but not index.json.
func (w *Writer) merge(ctx context.Context, root *os.Root, all []pending) (*merging, error) {
	x, raw, info, err := readIndex(ctx, root)
	if errors.Is(err, fs.ErrNotExist) {
		x, err = NewIndex(), nil
	}
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		raw, err := w.layout.read(ctx, p.Descriptor)
		if err != nil {
			return nil, err
		}
		if err := x.Add(&store.Manifest{Descriptor: p.Descriptor, Raw: raw}, p.tags...); err != nil {
			return nil, err
		}
	}
	lists, err := x.ListReferrers(ctx, w.layout.read)
	if err != nil {
		return nil, err
	}
	for _, m := range lists {
		if err := w.putBytes(ctx, m); err != nil {
			return nil, err
		}
	}
	after, err := x.Bytes()
	return &merging{raw, after, info}, err
}

func (m *merging) changedSince(root *os.Root) bool {
	now, err := root.Stat(IndexFile)
	if m.info == nil || err != nil {
		return (m.info == nil) != errors.Is(err, fs.ErrNotExist)
	}
	return !regular.Unchanged(m.info, now)
}

// syncBlobs flushes the names of all blobs. Those of a killed writer, which this one has found, may
// not have been flushed.
func (w *Writer) syncBlobs() error {
	for _, dir := range []string{"blobs/sha256", "blobs/sha512", "blobs", "."} {
		if err := w.sync(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
