package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// pulling is one snapshot on its way into a directory.
type pulling struct {
	raw         []byte
	manifest    *v1.Manifest
	open        opener
	maxBlob     int64
	concurrency int
	allowOlder  bool
	fetched     atomic.Int64
}

// Unpack writes the snapshot in img to dir. The image may come from anywhere: [Package], a registry, an OCI layout.
//
// Digests and sizes are verified before anything appears in dir, and dir is replaced as a whole: it holds the old
// snapshot until it holds the new one. It must be absent, empty or an earlier snapshot, or the error is
// [ErrTargetNotEmpty]. The other errors: [ErrNotSnapshot], [ErrVerification], [ErrTooLarge].
//
// A snapshot is a manifest with exactly one layer of each LEI type ([MediaTypeManifest], [MediaTypeCache]), in any
// order. Other layers are ignored. The manifest itself is written beside them, as oci-manifest.json.
func Unpack(ctx context.Context, img v1.Image, dir string, opts ...PullOption) (*PullResult, error) {
	raw, err := img.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	m, err := parseManifest(raw, mediaType)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	p := &pulling{
		raw: raw, manifest: m, open: layersOf(img),
		maxBlob: defaultMaxBlobBytes, concurrency: defaultConcurrency,
		allowOlder: true, // an image is one snapshot, not a tag that may have moved back
	}
	res, err := p.into(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return res, nil
}

// layersOf opens the layers of an image, as they are stored.
func layersOf(img v1.Image) opener {
	return func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		l, err := img.LayerByDigest(d.Digest)
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	}
}

// into fills a directory beside dir and puts it in dir's place.
func (p *pulling) into(ctx context.Context, dir string, opts []PullOption) (_ *PullResult, err error) {
	for _, opt := range opts {
		if err := opt(p); err != nil {
			return nil, err
		}
	}
	files, err := snapshotFiles(p.manifest)
	if err != nil {
		return nil, err
	}
	if res := p.upToDate(ctx, dir, files); res != nil {
		return res, nil
	}
	stage, err := staging.New(dir, snapshotKind())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Discard()) }()
	if err := p.fill(ctx, stage, files); err != nil {
		return nil, err
	}
	meta := metadataOf(stage.Path())
	if err := stage.Commit(ctx, func() error { return p.refuseOlder(dir, meta.Date) }); err != nil {
		return nil, err
	}
	return &PullResult{Date: meta.Date, Created: meta.Created, BytesFetched: p.fetched.Load()}, nil
}

// refuseOlder compares date, that of the snapshot to come, with what dir holds.
func (p *pulling) refuseOlder(dir string, date time.Time) error {
	if p.allowOlder || date.IsZero() {
		return nil
	}
	if old := metadataOf(dir).Date; date.Before(old) {
		return fmt.Errorf("%w: %s holds the snapshot of %s, this one is of %s; allow it with AllowOlder (--allow-older)", ErrOlder,
			dir, old.Format(time.DateOnly), date.Format(time.DateOnly))
	}
	return nil
}

// fill writes the files of a snapshot, several at once.
func (p *pulling) fill(ctx context.Context, stage *staging.Dir, files []snapshotFile) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.concurrency)
	for _, f := range files {
		g.Go(func() error {
			if err := p.fetch(ctx, stage, f); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		return write(stage, ociManifestFile, bytes.NewReader(p.raw))
	})
	return g.Wait()
}

// fetch writes one layer to its file, verified. Content that was put together from several answers and is not right is
// fetched once more, from its beginning.
func (p *pulling) fetch(ctx context.Context, stage *staging.Dir, f snapshotFile) error {
	resumed, err := p.download(ctx, stage, f)
	if resumed && errors.Is(err, ErrVerification) {
		_, err = p.download(ctx, stage, f)
	}
	return err
}

// download reports, besides its error, whether the whole content came, but not from one answer.
func (p *pulling) download(ctx context.Context, stage *staging.Dir, f snapshotFile) (resumed bool, err error) {
	rc, err := p.open(ctx, f.descriptor)
	if err != nil {
		return false, err
	}
	defer rc.Close()
	counted := &countingReader{Reader: contextReader{ctx, rc}}
	defer func() { p.fetched.Add(counted.n) }()
	v, err := verify.NewReader(counted, f.descriptor.Digest, f.descriptor.Size, p.maxBlob)
	if err != nil {
		return false, err
	}
	err = write(stage, f.name, v)
	r, ok := rc.(interface{ Resumed() bool })
	return ok && r.Resumed() && counted.n >= f.descriptor.Size, err
}

func write(stage *staging.Dir, name string, r io.Reader) error {
	f, err := stage.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return staging.Finish(f, err)
}

// countingReader adds up what is read through it.
type countingReader struct {
	io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
