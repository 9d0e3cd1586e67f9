package ocilayout

import (
	"crypto/rand"
	"errors"
	"io"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
)

// A partial is a file for a blob. It implements [store.Partial].
type partial struct {
	*staging.Exclusive
	w      *Writer
	name   string // within the layout
	size   int64  // when it was opened
	shared bool   // is kept for a later Writer
}

// openPartial opens the file for a blob that is incomplete. If somebody else has it open, or if it
// cannot be used, the result is another file, which is not kept.
func (w *Writer) openPartial(digest v1.Hash) (*partial, error) {
	return w.openShared(path.Join(ingestDir, digest.Algorithm+"-"+digest.Hex))
}

func (w *Writer) openShared(name string) (*partial, error) {
	var f *staging.Exclusive
	err := inIngest(w.path(ingestDir), func() (err error) {
		f, err = staging.OpenExclusive(w.path(name))
		return err
	})
	if err != nil {
		if !errors.Is(err, staging.ErrInUse) {
			w.log.Infof("cannot continue %s: %v", w.path(name), err)
		}
		return w.openPrivate()
	}
	p := &partial{Exclusive: f, w: w, name: name, shared: true}
	if p.size, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// openPrivate opens a new file. A sweep may come by before it is locked; then it opens another.
func (w *Writer) openPrivate() (*partial, error) {
	const most = 10
	var p *partial
	var err error
	for range most {
		name := path.Join(ingestDir, privatePrefix+rand.Text())
		err = inIngest(w.path(ingestDir), func() error {
			f, err := staging.CreateExclusive(w.path(name))
			p = &partial{Exclusive: f, w: w, name: name}
			return err
		})
		if !errors.Is(err, staging.ErrInUse) {
			break
		}
	}
	return p, err
}

// Size implements [store.Partial].
func (p *partial) Size() int64 { return p.size }

// Content implements [store.Partial].
func (p *partial) Content() io.Reader { return io.NewSectionReader(p, 0, p.size) }

// Reset implements [store.Partial]. It removes the pieces that are not in use.
func (p *partial) Reset() error {
	p.dropPieces()
	p.size = 0
	if err := p.Truncate(0); err != nil {
		return err
	}
	_, err := p.Seek(0, io.SeekStart)
	return err
}

// leave closes the file and keeps it for a later Writer, if that can use it.
func (p *partial) leave() error {
	info, err := p.Stat()
	if err == nil && p.shared && info.Size() > 0 {
		return p.Close()
	}
	return errors.Join(err, p.Remove())
}
