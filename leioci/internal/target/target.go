// Package target manages a directory that snapshots are pulled into: what it holds, whether that is
// intact, what can be reused, which snapshots it refuses, and how a new one replaces the old.
//
// It is given a manifest and a way to fetch blobs, and knows nothing of registries.
package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// Policy says which snapshots a directory accepts.
type Policy struct {
	// AllowOlder allows a snapshot to be replaced by one with an earlier date.
	AllowOlder bool
	// MaxAge limits how long ago a snapshot's date may be; 0 means no limit.
	MaxAge time.Duration
	// VerifyReports checks the reports of a new snapshot before it replaces the old one.
	VerifyReports bool
}

// A Dir is a directory to pull into, and what it held when it was opened.
type Dir struct {
	path        string
	policy      Policy
	memory      *Memory
	concurrency int
	log         logrus.FieldLogger
	held        *held // nil if that is nothing or cannot be determined
}

// Open inspects the directory at path, which may be absent. At most concurrency files are fetched
// at the same time.
func Open(path string, policy Policy, memory *Memory, concurrency int, log logrus.FieldLogger) *Dir {
	return &Dir{path, policy, memory, concurrency, log, readHeld(path)}
}

// Digest returns the digest of the snapshot in the directory, if it can be determined.
func (d *Dir) Digest() (digest v1.Hash, ok bool) {
	if d.held == nil {
		return v1.Hash{}, false
	}
	return d.held.digest, true
}

// A Result describes a directory after a pull.
type Result struct {
	Date, Created time.Time // by manifest.json; zero if it cannot be read
	UpToDate      bool      // nothing was replaced
	Fetched       int64     // bytes
}

// UpToDate returns the result of leaving the directory as it is, or nil if its content is not
// intact. The error is errdef.ErrStale. The directory must hold a snapshot: see [Dir.Digest].
func (d *Dir) UpToDate(ctx context.Context) (*Result, error) {
	if !d.held.intact(ctx, d.memory) {
		return nil, nil
	}
	meta := metadataOf(d.path)
	if err := d.refuseStale(meta.Date); err != nil {
		return nil, err
	}
	d.tidy(ctx)
	return &Result{Date: meta.Date, Created: meta.Created, UpToDate: true}, nil
}

// tidy removes the old snapshot that a pull left beside the directory if it was killed after
// putting the new one in place and before removing the old. The next pull that replaces the
// directory would remove it, but that may be a long time off. Failure to remove it does no harm.
func (d *Dir) tidy(ctx context.Context) {
	if !staging.HasLeftovers(d.path) {
		return
	}
	stage, err := staging.New(ctx, d.path, replaceable())
	if err == nil {
		err = stage.Discard()
	}
	if err != nil {
		d.log.Infof("what an earlier pull left beside %s stays there: %v", d.path, err)
	}
}

// Install makes the directory hold the snapshot that a manifest describes, given both as raw bytes
// and decoded as m. If the directory already holds that snapshot intact, it is left as it is.
func (d *Dir) Install(ctx context.Context, raw []byte, m *v1.Manifest, fetch Fetch) (*Result, error) {
	files, err := artifact.Files(m)
	if err != nil {
		return nil, err
	}
	if d.held != nil && bytes.Equal(d.held.raw, raw) {
		if res, err := d.UpToDate(ctx); res != nil || err != nil {
			return res, err
		}
	}
	if err := d.RefuseAnnotated(m); err != nil { // before anything is fetched
		return nil, err
	}
	if err := d.memory.refused(raw); err != nil && d.policy.VerifyReports {
		return nil, err
	}
	return d.replace(ctx, &filling{raw: raw, files: files, fetch: fetch, held: d.held, concurrency: d.concurrency})
}

// replace fills a directory beside the target and then puts it in the target's place.
func (d *Dir) replace(ctx context.Context, f *filling) (_ *Result, err error) {
	stage, err := staging.New(ctx, d.path, replaceable())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Discard()) }()
	if err := stage.KeepPartials(f.partialIDs()...); err != nil {
		return nil, err
	}
	if err := f.fill(ctx, stage); err != nil {
		return nil, err
	}
	if err := d.verifyReports(ctx, stage.Path(), f.raw); err != nil {
		return nil, err
	}
	meta := metadataOf(stage.Path())
	if err := stage.Commit(ctx, func() error { return d.refuse(meta.Date) }); err != nil {
		return nil, err
	}
	return &Result{Date: meta.Date, Created: meta.Created, Fetched: f.fetched.Load()}, nil
}

// verifyReports checks the reports in a new directory, if the policy asks for it.
func (d *Dir) verifyReports(ctx context.Context, dir string, raw []byte) error {
	if !d.policy.VerifyReports {
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
		d.memory.refuse(raw, err)
	}
	return err
}
