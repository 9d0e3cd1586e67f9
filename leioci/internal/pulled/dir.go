// Package pulled reads a directory that snapshots are pulled into, as a place that keeps an artifact:
// the manifest kept there, its config and the files of the snapshot.
//
// A pull may put another snapshot in the directory's place at any time. What is there is looked at
// for every request, opened together and verified once. What was there before stays open for a
// while, so that whoever has its manifest can still get its blobs.
package pulled

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// keepFor is how long the blobs of a snapshot can be had after another took its place. Until then,
// and until the next request, its files take room on the disk.
const keepFor = time.Hour

// A Dir is a [store.Local] of a pulled directory.
type Dir struct {
	path   string
	tagsOf func(date time.Time) []string
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	loads  sync.WaitGroup

	mu       sync.Mutex
	current  *generation // the last that was in order; nil if there was none
	former   *generation // the one before, or nil
	replaced time.Time   // when that was
	latest   *generation // the last that was looked at, in order or not
	loading  *loading    // nil if nobody looks
	closed   bool
}

var _ store.Local = (*Dir)(nil)

// loading is a look at the directory that several may wait for.
type loading struct {
	done chan struct{}
	g    *generation
}

// Open opens the directory at path and verifies what it holds. tagsOf returns the tags of a snapshot
// by its date. The errors: errdef.ErrNotFound for a directory that no snapshot was pulled into, or
// that lacks a blob; errdef.ErrVerification; and those of the manifest, of the snapshot and of the
// file system.
func Open(ctx context.Context, path string, tagsOf func(date time.Time) []string) (*Dir, error) {
	own, cancel := context.WithCancel(context.Background())
	d := &Dir{path: path, tagsOf: tagsOf, ctx: own, cancel: cancel}
	if _, err := d.now(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// String returns the path.
func (d *Dir) String() string { return d.path }

// Close closes the files. Reading them fails from now on.
func (d *Dir) Close() error {
	d.cancel()
	d.mu.Lock()
	d.closed = true // nobody begins to look
	d.mu.Unlock()
	d.loads.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := errors.Join(d.current.close(), d.former.close())
	d.current, d.former, d.latest = nil, nil, nil
	return err
}

// now returns what the directory holds.
func (d *Dir) now(ctx context.Context) (*generation, error) {
	for {
		d.mu.Lock()
		latest := d.latest
		d.mu.Unlock()
		if latest != nil && latest.unchanged(d.path) {
			return latest, latest.err
		}
		l, err := d.look(latest)
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue // somebody has just done it
		}
		select {
		case <-l.done:
			return l.g, l.g.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// look begins to look at the directory, unless somebody does so, or has done since old was found. It
// goes on if who waits for it gives up: with a large snapshot on a slow disk, it may take longer
// than any of them has.
func (d *Dir) look(old *generation) (*loading, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, fmt.Errorf("%s: %w", d.path, fs.ErrClosed)
	case d.latest != old:
		return nil, nil
	case d.loading != nil:
		return d.loading, nil
	}
	l, known := &loading{done: make(chan struct{})}, d.current
	d.loading = l
	d.loads.Go(func() {
		defer close(l.done)
		l.g = load(d.ctx, d.path, known, d.tagsOf)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.loading = nil
		d.take(l.g)
	})
	return l, nil
}

// take makes g what the directory holds. The caller holds d.mu.
func (d *Dir) take(g *generation) {
	switch {
	case g.err == nil && d.current != nil && d.current.manifest.Descriptor.Digest == g.manifest.Descriptor.Digest:
		d.current.retire() // it was mended or touched, and the former one is still the one before
		d.current, d.latest = g, g
	case g.err == nil:
		d.former.retire()
		d.former, d.current, d.latest, d.replaced = d.current, g, g, time.Now()
	case lasting(g.err):
		d.latest = g // it took long to find out
	default:
		d.latest = nil // it may pass
	}
}

// lasting reports whether a directory is out of order until one of its files changes.
func lasting(err error) bool {
	for _, kind := range []error{errdef.ErrVerification, errdef.ErrNotFound, errdef.ErrNotSnapshot, errdef.ErrTooLarge} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// open calls use for the snapshot that is there, and then for the former one, until it reports that
// it found something. Whatever the directory looks like now, what was verified is still right.
func (d *Dir) open(ctx context.Context, use func(g *generation) bool) error {
	_, err := d.now(ctx)
	if ctx.Err() != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.former != nil && time.Since(d.replaced) > keepFor {
		d.former.retire()
		d.former = nil
	}
	for _, g := range []*generation{d.current, d.former} {
		if g != nil && use(g) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w in %s", errdef.ErrNotFound, d.path)
}
