package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// openDir opens the snapshot in a directory. If signatures are asked for, it must be one that was
// pulled with them.
func (f *sourceFlags) openDir(ctx context.Context, dir string) (*source, error) {
	trust, err := f.trust.options()
	if err != nil {
		return nil, err
	}
	if len(trust) == 0 {
		s, err := snapshot.Open(dir)
		if err != nil {
			return nil, err
		}
		validity, err := validityOf(dir)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), s.Close())
		}
		return &source{Snapshot: s, name: dir, validity: validity}, nil
	}
	opts := pullOptions(trust)
	if f.future {
		opts = append(opts, leioci.AllowFuture())
	}
	for { // until the directory is not replaced meanwhile
		s, err := snapshot.Open(dir)
		if err != nil {
			return nil, err
		}
		res, err := leioci.Held(ctx, dir, opts...)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		same, err := stillIn(dir, s)
		if err == nil && same {
			return &source{Snapshot: s, name: dir, validity: newValidity(res)}, nil
		}
		if err = errors.Join(err, s.Close(), context.Cause(ctx)); err != nil {
			return nil, err
		}
	}
}

// stillIn reports whether the files of an open snapshot are those in a directory.
func stillIn(dir string, s *snapshot.Snapshot) (bool, error) {
	for _, file := range s.Files() {
		info, err := os.Stat(filepath.Join(dir, file.Name()))
		if err != nil {
			return false, err
		}
		if !os.SameFile(info, file.Info()) {
			return false, nil
		}
	}
	return true, nil
}

// validityOf returns how long the snapshot in a directory is good, by the manifest that a pull keeps
// there. Its time may have passed since: that is [leioci.ErrStale]. What cannot be read says
// nothing, as if it had not been pulled.
func validityOf(dir string) (validityJSON, error) {
	f, _, err := regular.Open(filepath.Join(dir, artifact.ManifestFile))
	if err != nil {
		return validityJSON{}, nil //nolint:nilerr // see above
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, manifest.MaxBytes+1))
	if err != nil {
		return validityJSON{}, nil //nolint:nilerr // see above
	}
	m, err := manifest.Parse(raw, types.OCIManifestSchema1)
	if err != nil {
		return validityJSON{}, nil //nolint:nilerr // see above
	}
	v, err := artifact.ValidityOf(m)
	if err == nil {
		err = v.Check(0)
	}
	return newValidity(&leioci.PullResult{ValidUntil: v.Until, NextUpdate: v.Next}), err
}
