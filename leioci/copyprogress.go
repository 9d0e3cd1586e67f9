package leioci

import (
	"context"
	"io"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// copyBlob copies a blob, and tells how that gets on.
func (p *copying) copyBlob(ctx context.Context, d v1.Descriptor) error {
	if err := p.client.checkSize(d); err != nil {
		return err
	}
	from := &toldReader{Reader: p.src, told: p.opts.progress.Blob(blobTitle(d), d.Digest, d.Size)}
	from.told.From(p.to)
	if err := p.dst.PutBlob(ctx, d, from); err != nil {
		return err
	}
	if from.read.Load() {
		from.told.Finish(progress.Done, d.Digest)
	} else {
		from.told.Finish(progress.Reused, d.Digest)
	}
	return nil
}

// blobTitle returns the name of the file that a blob is, if its descriptor has one that can be that
// of a file: names are remembered.
func blobTitle(d v1.Descriptor) string {
	const longest = 255
	if title := d.Annotations[artifact.AnnotationTitle]; title != "" && len(title) <= longest {
		return title
	}
	return d.Digest.String()
}

// A toldReader tells how much of one blob was read.
type toldReader struct {
	store.Reader
	told *progress.Blob
	read atomic.Bool // anything of it, from the place
}

func (r *toldReader) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r.read.Store(true)
	rc, err := r.Reader.Blob(ctx, d)
	if err != nil || r.told == nil {
		return rc, err
	}
	return r.told.Send(rc), nil
}

func (r *toldReader) Download(ctx context.Context, d v1.Descriptor, into store.Partial) (int64, error) {
	r.read.Store(true)
	if r.told == nil {
		return r.Reader.Download(ctx, d, into)
	}
	r.told.Enter(progress.Fetching)
	r.told.Set(into.Size(), into.Size())
	return r.Reader.Download(ctx, d, &toldPartial{Partial: into, told: r.told, resumed: into.Size(), done: into.Size()})
}

// A toldPartial tells how much of a blob there is.
type toldPartial struct {
	store.Partial
	told          *progress.Blob
	resumed, done int64
}

func (p *toldPartial) Write(b []byte) (int, error) {
	n, err := p.Partial.Write(b)
	p.done += int64(n)
	p.told.Set(p.done, p.resumed)
	return n, err
}

func (p *toldPartial) Reset() error {
	p.resumed, p.done = 0, 0
	p.told.Set(0, 0)
	return p.Partial.Reset()
}
