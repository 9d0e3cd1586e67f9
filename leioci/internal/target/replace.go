package target

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// replace fills a directory beside the target and puts it in the target's place.
func (d *Dir) replace(ctx context.Context, f *filling) (_ *Result, err error) {
	stage, err := staging.New(ctx, d.path, replaceable(), d.log)
	if err != nil {
		return nil, err
	}
	defer func() { err = d.discard(stage, err) }()
	// While this one waited, another pull may have brought the same snapshot, or a newer one.
	d.held = readHeld(d.path)
	if res, err := d.without(ctx, f); res != nil || err != nil {
		return res, err
	}
	if err := stage.KeepPartials(f.partialIDs()...); err != nil {
		return nil, err
	}
	f.dir, f.held = d.path, d.held
	meta, err := f.fill(ctx, stage, d.examine)
	if err != nil {
		return nil, err
	}
	if err := verifyShared(ctx, stage, f.files); err != nil {
		return nil, err
	}
	if err := d.verifyReports(ctx, stage.Path(), f.raw, f.files); err != nil {
		return nil, err
	}
	var validity artifact.Validity
	if err := stage.Commit(ctx, func() (err error) {
		if validity, err = d.validity(f.m); err == nil {
			err = d.refuse(meta.date)
		}
		return err
	}); err != nil {
		return nil, err
	}
	return &Result{Date: meta.date, Created: meta.created, Validity: validity, Fetched: f.fetched.Load()}, nil
}

// verifyShared verifies a new directory once more where another host may have written to its files.
func verifyShared(ctx context.Context, stage *staging.Dir, files []artifact.File) error {
	if !stage.Shared() {
		return nil
	}
	for _, f := range files {
		if err := verifyFile(ctx, filepath.Join(stage.Path(), f.Name), f.Descriptor); err != nil {
			return diskError(f.Name, err)
		}
	}
	return nil
}

// discard ends the use of a new directory. It is no part of a success whether what is left of it
// can be removed.
func (d *Dir) discard(stage *staging.Dir, err error) error {
	discardErr := stage.Discard()
	if err == nil && discardErr != nil {
		d.log.Infof("cannot remove %s beside %s: %v", stage.Path(), d.path, discardErr)
		return nil
	}
	return errors.Join(err, discardErr)
}

// examine reads the manifest.json of a snapshot, and returns an error if the policy refuses the
// snapshot. It remembers what it read.
func (d *Dir) examine(ctx context.Context, file artifact.File, open func() (io.ReadCloser, error)) (metadata, error) {
	meta, err := read(open, snapshot.ReadMetadata)
	if isMalformed(err) {
		// Is it what its publisher wrote, or what the disk made of it?
		_, changed := read(open, func(r io.Reader) (struct{}, error) {
			return struct{}{}, verify.All(ctx, r, file.Descriptor.Digest, file.Descriptor.Size)
		})
		if changed != nil {
			return metadata{}, diskError(file.Name, changed)
		}
	} else if err != nil {
		return metadata{}, err
	}
	m := metadata{date: meta.Date, created: meta.Created, err: err}
	d.memory.learn(file.Descriptor.Digest, m)
	if m.config, err = artifact.MakeConfig(meta.LEIVersion, meta.Created, meta.EntryCount); err != nil {
		return metadata{}, err
	}
	return m, d.judge(m)
}

// read opens a file, reads it and closes it.
func read[T any](open func() (io.ReadCloser, error), do func(io.Reader) (T, error)) (T, error) {
	r, err := open()
	if err != nil {
		var none T
		return none, err
	}
	defer r.Close()
	return do(r)
}
