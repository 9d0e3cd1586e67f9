package leioci

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// pulling is one snapshot on its way into a directory.
type pulling struct {
	raw      []byte
	manifest *v1.Manifest
	open     contentOpener
	origin   *origin // where open reads; nil for an image

	maxBlob     int64
	concurrency int
	log         logrus.FieldLogger
	allowOlder  bool
	maxAge      time.Duration // 0 for any
	verify      bool          // the reports, too

	held    *held // what the directory holds; nil if there is nothing
	known   *fingerprints
	fetched atomic.Int64
}

func (p *pulling) apply(opts []PullOption) error {
	for _, opt := range opts {
		if err := opt(p); err != nil {
			return err
		}
	}
	return nil
}

// into makes dir hold what is pulled.
func (p *pulling) into(ctx context.Context, dir string) (*PullResult, error) {
	res, err := p.replace(ctx, dir)
	if err != nil {
		return nil, adviseDisk(dir, err)
	}
	return res, nil
}

// replace fills a directory beside dir and puts it in dir's place.
func (p *pulling) replace(ctx context.Context, dir string) (_ *PullResult, err error) {
	files, err := snapshotFiles(p.manifest)
	if err != nil {
		return nil, err
	}
	if p.holds() {
		if res, err := p.left(ctx); res != nil || err != nil {
			return res, err
		}
	}
	if err := p.refuseAnnotated(dir, p.manifest); err != nil { // before anything is fetched
		return nil, err
	}
	if err := p.known.refused(p.raw); err != nil && p.verify {
		return nil, err
	}
	stage, err := staging.New(ctx, dir, snapshotKind())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Discard()) }()
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = partialID(f.descriptor.Digest)
	}
	if err := stage.Want(ids...); err != nil {
		return nil, err
	}
	if err := p.fill(ctx, stage, files); err != nil {
		return nil, err
	}
	if err := p.verifyReports(ctx, stage.Path()); err != nil {
		return nil, err
	}
	meta := metadataOf(stage.Path())
	if err := stage.Commit(ctx, func() error { return p.refuse(dir, meta.Date) }); err != nil {
		return nil, err
	}
	return &PullResult{Date: meta.Date, Created: meta.Created, BytesFetched: p.fetched.Load()}, nil
}

// verifyReports reads the reports in dir, if that is asked for.
func (p *pulling) verifyReports(ctx context.Context, dir string) error {
	if !p.verify {
		return nil
	}
	s, err := snapshot.Open(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	err = s.Verify(ctx)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("its digests are right, but not its reports: %w", err)
		p.known.refuse(p.raw, err)
	}
	return err
}

// fill writes the files of a snapshot. Each stays a partial file until all are complete: if one fails, the next pull has
// the others.
func (p *pulling) fill(ctx context.Context, stage *staging.Dir, files []snapshotFile) (err error) {
	parts := make([]*staging.Partial, len(files))
	defer func() {
		for _, part := range parts {
			if part != nil {
				err = errors.Join(err, part.Close())
			}
		}
	}()
	err = p.each(ctx, files, func(ctx context.Context, i int) (err error) {
		parts[i], err = p.fetch(ctx, stage, files[i])
		return err
	})
	if err != nil {
		return err
	}
	err = p.each(ctx, files, func(_ context.Context, i int) error {
		if parts[i] == nil {
			return nil
		}
		return parts[i].MoveTo(files[i].name)
	})
	if err != nil {
		return err
	}
	f, err := stage.Create(ociManifestFile)
	if err != nil {
		return err
	}
	_, err = f.Write(p.raw)
	return staging.Finish(f, err)
}

// each does something for every file, for several at once.
func (p *pulling) each(ctx context.Context, files []snapshotFile, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.concurrency)
	for i, f := range files {
		g.Go(func() error {
			if err := do(ctx, i); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}
