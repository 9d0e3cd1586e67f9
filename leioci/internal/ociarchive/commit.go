package ociarchive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// maxAttempts is how often the target is read again if it changes before it is replaced.
const maxAttempts = 10

// OnCommit implements [store.Writer].
func (w *Writer) OnCommit(check func(context.Context) error) { w.last = check }

// Commit implements [store.Writer]. It ends the use of the Writer, except for Close. If nothing is
// new, the archive stays as it is. What goes wrong after it was replaced is logged as a warning.
func (w *Writer) Commit(ctx context.Context) error {
	return w.inTurn(ctx, "commit", func() error {
		for attempt := 1; ; attempt++ {
			done, err := w.attempt(ctx)
			switch {
			case err == nil && !done && attempt == maxAttempts:
				err = fmt.Errorf("another process replaces %s again and again; try again", w.target)
			case err == nil && !done:
				continue
			}
			w.ended = errEnded
			return errors.Join(err, w.close())
		}
	})
}

// attempt replaces the target, unless it changed meanwhile: then it is not done.
func (w *Writer) attempt(ctx context.Context) (done bool, err error) {
	now, err := openFormer(ctx, w.target, w.most)
	if err != nil {
		return false, err
	}
	defer now.close()
	if w.last != nil {
		if err := w.last(ctx); err != nil {
			return false, err
		}
	}
	unchanged, err := w.fill(ctx, now)
	if err != nil {
		return false, err
	}
	if unchanged {
		w.discard()
		return true, nil
	}
	if err := w.flush(ctx); err != nil {
		return false, err
	}
	same, err := now.isAt(w.target)
	if err != nil || !same {
		return false, err
	}
	if closeFirst {
		now.close()
		w.first.close()
	}
	return true, w.replace(ctx)
}

// fill completes the partial archive: it adds what is to be kept of the old one, and an index. It
// reports whether the old one has all that already.
func (w *Writer) fill(ctx context.Context, now former) (unchanged bool, err error) {
	inNow := func(digest v1.Hash) bool { return now.archive != nil && now.archive.has(digest) }
	index, before, err := w.index(ctx, now)
	if err != nil {
		return false, err
	}
	if before != nil && bytes.Equal(index, before) && w.nothingBut(inNow) {
		return true, nil
	}
	if err := w.partial.compact(ctx, func(r *region) bool { return r.whole && (r.wanted || inNow(r.digest)) }); err != nil {
		return false, err
	}
	if now.archive != nil {
		if err := w.partial.keep(ctx, now.archive, func(v1.Hash) bool { return true }); err != nil {
			return false, err
		}
	}
	if w.first.archive != nil { // and what somebody has removed since it was found there
		if err := w.partial.keep(ctx, w.first.archive, func(d v1.Hash) bool { return w.relied[d] }); err != nil {
			return false, err
		}
	}
	return false, w.partial.complete(index)
}

// nothingBut reports whether all that is to be in the new archive is in the old one.
func (w *Writer) nothingBut(inNow func(v1.Hash) bool) bool {
	for _, r := range w.partial.regions {
		if r.wanted {
			return false // it was not there, or damaged
		}
	}
	for digest := range w.relied {
		if !inNow(digest) {
			return false
		}
	}
	return true
}

// index returns the new index.json, and what the old one would be if it was written again, or nil.
// It writes the lists of referrers that the new one names.
func (w *Writer) index(ctx context.Context, now former) (index, before []byte, err error) {
	x := ocilayout.NewIndex()
	if now.archive != nil {
		if x, err = ocilayout.ParseIndex(now.archive.raw); err != nil {
			return nil, nil, err
		}
		if before, err = x.Bytes(); err != nil {
			return nil, nil, err
		}
	}
	read := w.reading(now)
	for _, p := range w.puts {
		raw, err := read(ctx, p.Descriptor)
		if err == nil {
			err = x.Add(&store.Manifest{Descriptor: p.Descriptor, Raw: raw}, p.tags...)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	lists, err := x.ListReferrers(ctx, read)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range lists {
		if err := w.putBytes(ctx, m); err != nil {
			return nil, nil, err
		}
	}
	index, err = x.Bytes()
	return index, before, err
}

// reading returns a function that reads manifests: those that were put, and those of the target.
func (w *Writer) reading(now former) ocilayout.Read {
	return func(ctx context.Context, d v1.Descriptor) ([]byte, error) {
		if r := w.partial.at[d.Digest]; r != nil && r.whole {
			return readManifest(ctx, w.partial.content(r), d)
		}
		if now.archive != nil && now.archive.has(d.Digest) && !w.relied[d.Digest] || w.first.archive == nil {
			return now.manifest(ctx, d)
		}
		return w.first.manifest(ctx, d)
	}
}

// complete appends the entries that are no blobs, and the end of the archive.
func (p *partial) complete(index []byte) error {
	layout, err := json.Marshal(map[string]string{"imageLayoutVersion": layoutVersion})
	if err != nil {
		return err
	}
	at := p.end()
	if err := p.file.Truncate(at); err != nil {
		return err
	}
	for _, e := range []struct {
		name    string
		content []byte
	}{{layoutName, layout}, {indexName, index}} {
		head, err := header(e.name, int64(len(e.content)))
		if err != nil {
			return err
		}
		if _, err := p.writeAt(append(head, e.content...), at); err != nil {
			return err
		}
		at = padded(at + int64(len(head)+len(e.content)))
	}
	return p.file.Truncate(at + 2*blockSize) // an archive ends with two blocks of zeros
}

// flush makes the partial archive what the target is to be, on the disk, too.
func (w *Writer) flush(ctx context.Context) error {
	if err := w.partial.sync(); err != nil {
		return err
	}
	// The locks of other hosts may not be seen here, and one of them may have written to the file.
	if w.disk.shared(filepath.Dir(w.target)) {
		for _, r := range w.partial.regions {
			if !r.wanted {
				continue
			}
			if err := verify.All(ctx, w.partial.content(r), r.digest, r.size); err != nil {
				return fmt.Errorf("%s was changed by another process: %w", w.partial.path, err)
			}
		}
	}
	return context.Cause(ctx)
}

// sync flushes the file, where the file system can.
func (p *partial) sync() error {
	err := p.file.Sync()
	if staging.Unable(err) {
		return nil
	}
	return err
}

// replace renames the partial archive over the target.
func (w *Writer) replace(ctx context.Context) error {
	p := w.partial
	there, err := p.isThere()
	if err != nil || !there {
		return errors.Join(err, fmt.Errorf("%s was removed by another process; try again", p.path))
	}
	if err := w.disk.adopt(p.path, w.target, w.log); err != nil {
		return errors.Join(err, w.disk.hide(p.path))
	}
	// The mode is flushed, too.
	if err := errors.Join(p.sync(), context.Cause(ctx)); err != nil {
		return errors.Join(err, w.disk.hide(p.path))
	}
	if err := w.rename(); err != nil {
		return errors.Join(err, w.disk.hide(p.path))
	}
	if err := w.disk.syncDir(filepath.Dir(w.target)); err != nil {
		w.log.Warnf("%s was replaced, but after a loss of power the old file may come back: %v", w.target, err)
	}
	return nil
}

// rename renames the partial archive, and closes it.
func (w *Writer) rename() error {
	p := w.partial
	f := p.file
	if closeFirst {
		p.file = nil
		return errors.Join(f.Close(), w.disk.rename(p.path, w.target))
	}
	if err := w.disk.rename(p.path, w.target); err != nil {
		return err
	}
	p.file = nil
	if err := f.Close(); err != nil {
		w.log.Warnf("%s was replaced, but closing it failed: %v", w.target, err) // it was flushed before
	}
	return nil
}

// discard gives up the partial archive, of which nothing is needed.
func (w *Writer) discard() {
	w.partial.useless = true
	if err := w.partial.close(); err != nil {
		w.log.Infof("cannot remove %s: %v", w.partial.path, err)
	}
}
