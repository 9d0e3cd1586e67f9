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
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// Policy says which snapshots a directory accepts.
type Policy struct {
	// AllowOlder allows a snapshot to be replaced by one with an earlier date.
	AllowOlder bool
	// MaxAge limits how long ago a snapshot's date may be; 0 means no limit.
	MaxAge time.Duration
	// ClockAllowance is how long after the time that its manifest states a snapshot is still
	// accepted.
	ClockAllowance time.Duration
	// AllowFuture takes a snapshot whose date is later than tomorrow.
	AllowFuture bool
	// VerifyReports reads the reports of a new snapshot before it replaces anything, and those that
	// the directory holds.
	VerifyReports bool
	// OnlyRead: nothing is written or removed where nothing is replaced.
	OnlyRead bool
	// IndexReports makes the index of the snapshot in the same pass, if it has none that fits. It
	// needs VerifyReports.
	IndexReports bool
	// Progress is told what is done with each file; it may be nil.
	Progress *progress.Tracker
}

// A Dir is a directory to pull into, and what it held when it was opened.
type Dir struct {
	path        string
	policy      Policy
	memory      *Memory
	concurrency int
	log         logrus.FieldLogger
	held        *held // nil if that is nothing or cannot be determined
	verdict     Verdict
}

// Open inspects the directory at path, which may be absent. It stays the same directory if path is
// relative, or a symbolic link, and what that means changes. At most concurrency files are fetched
// at the same time.
func Open(path string, policy Policy, memory *Memory, concurrency int, log logrus.FieldLogger) *Dir {
	path = staging.Locate(path)
	return &Dir{path: path, policy: policy, memory: memory, concurrency: concurrency, log: log, held: readHeld(path)}
}

// Digest returns the digest of the snapshot in the directory, if it can be determined.
func (d *Dir) Digest() (digest v1.Hash, ok bool) {
	if d.held == nil {
		return v1.Hash{}, false
	}
	return d.held.digest, true
}

// Manifest returns the manifest of that snapshot, byte for byte.
func (d *Dir) Manifest() []byte { return d.held.bytes() }

// Same reports whether two directories held the same when they were opened, as far as that can be
// determined.
func (d *Dir) Same(other *Dir) bool { return bytes.Equal(d.Manifest(), other.Manifest()) }

// LimitAge is for a limit that depends on what the directory holds.
func (d *Dir) LimitAge(limit time.Duration) { d.policy.MaxAge = limit }

// A Result describes a directory after a pull.
type Result struct {
	Date, Created time.Time // by manifest.json; zero if it cannot be read
	Validity      artifact.Validity
	UpToDate      bool  // nothing was replaced
	Fetched       int64 // bytes
}

// UpToDate returns the result of leaving the directory as it is, or nil if what it holds is not
// intact. The errors: errdef.ErrStale, errdef.ErrFuture, errdef.ErrNotSnapshot, errdef.ErrTooLarge,
// and if the policy asks for it those of snapshot.Snapshot.Verify: what the registry has is no
// better.
func (d *Dir) UpToDate(ctx context.Context) (*Result, error) {
	if !d.held.intact(ctx, d.memory, d.policy.Progress) {
		return nil, nil
	}
	meta, err := metadataOf(d.path)
	switch {
	case isMalformed(err):
		return nil, err
	case err != nil:
		return nil, nil //nolint:nilerr // what cannot be read is not intact
	}
	if err := d.refuseAge(meta.Date); err != nil {
		return nil, err
	}
	validity, err := d.validity(d.held.manifest)
	if err != nil {
		return nil, err
	}
	err = d.verifyReports(ctx, d.path, d.held.raw, d.held.files)
	if errors.Is(err, errDisk) {
		d.log.Infof("%s is replaced: %v", d.path, err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	result := &Result{Date: meta.Date, Created: meta.Created, Validity: validity, UpToDate: true}
	if d.policy.OnlyRead {
		return result, nil
	}
	if err := staging.Tidy(d.path, replaceable(), d.log); err != nil {
		d.log.Infof("cannot remove what an earlier pull left beside %s: %v", d.path, err) // in nobody's way
	}
	return result, nil
}

// isMalformed reports whether err says that a manifest.json that was read is not LEI's.
func isMalformed(err error) bool {
	return errors.Is(err, errdef.ErrNotSnapshot) || errors.Is(err, errdef.ErrTooLarge)
}

// Install makes the directory hold the snapshot that a manifest describes: raw, and m decoded. It
// stays as it is if it holds that already, intact. If another process pulls into it, Install waits,
// until ctx ends. The errors are those of UpToDate, errdef.ErrOlder, errdef.ErrTargetNotEmpty, and
// those of fetch.
func (d *Dir) Install(ctx context.Context, raw []byte, m *v1.Manifest, fetch Fetch) (*Result, error) {
	files, err := artifact.Files(m)
	if err != nil {
		return nil, err
	}
	f := &filling{raw: raw, m: m, files: files, fetch: fetch, concurrency: d.concurrency, progress: d.policy.Progress, log: d.log}
	f.describe = func(stage *staging.Dir) error {
		return d.writeVerdict(raw, func() (staging.File, error) { return stage.Create(verifiedFile) })
	}
	f.copies = d.policy.IndexReports // which tells files apart by what the file system says about them
	res, err := d.without(ctx, f)
	if res == nil && err == nil {
		res, err = d.replace(ctx, f)
	}
	if err == nil && res.UpToDate {
		d.Remember()
	}
	return res, err
}

// without returns what comes of installing a snapshot as far as nothing need be fetched for it: a
// result if it is there, an error if it is refused, or else neither.
func (d *Dir) without(ctx context.Context, f *filling) (*Result, error) {
	if d.held != nil && bytes.Equal(d.held.raw, f.raw) {
		if res, err := d.UpToDate(ctx); res != nil || err != nil {
			return res, err
		}
	}
	if size := f.files[0].Descriptor.Size; size > snapshot.MaxManifestBytes {
		return nil, fmt.Errorf("%w: %s of %d bytes, limit %d", errdef.ErrTooLarge, f.files[0].Name, size, snapshot.MaxManifestBytes)
	}
	if err := d.RefuseAnnotated(f.m); err != nil {
		return nil, err
	}
	if err := d.memory.refused(f.raw); err != nil && d.policy.VerifyReports {
		return nil, err
	}
	return nil, nil
}
