package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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
	return f.openHeld(ctx, dir, trust)
}

// openHeld is openDir for options that are known. Without any, no signature is asked for.
func (f *sourceFlags) openHeld(ctx context.Context, dir string, trust []leioci.TrustOption) (*source, error) {
	const most = 100 // on a file system that knows no file again, none would be the last
	for range most { // until the directory is not replaced meanwhile
		s, err := snapshot.Open(dir)
		if err != nil {
			return nil, err
		}
		validity, err := f.heldValidity(ctx, dir, trust)
		switch {
		case !stillIn(dir, s): // that was about another snapshot
			err = errors.Join(context.Cause(ctx), s.Close())
		case err == nil:
			return &source{Snapshot: s, name: dir, validity: validity}, nil
		default:
			err = errors.Join(err, s.Close())
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: it is replaced all the time", dir)
}

// stillIn reports whether the files of an open snapshot are those in a directory.
func stillIn(dir string, s *snapshot.Snapshot) bool {
	for _, file := range s.Files() {
		if info, err := os.Stat(filepath.Join(dir, file.Name())); err != nil || !os.SameFile(info, file.Info()) {
			return false
		}
	}
	return true
}

// heldValidity returns how long the snapshot in a directory is good, and who signed it, if that is
// asked for.
func (f *sourceFlags) heldValidity(ctx context.Context, dir string, trust []leioci.TrustOption) (validityJSON, error) {
	if len(trust) == 0 {
		validity, err := validityOf(dir, time.Duration(f.allowance))
		if err != nil {
			err = fmt.Errorf("%s: %w", dir, err)
		}
		return validity, err
	}
	opts := append(pullOptions(trust), leioci.ClockAllowance(time.Duration(f.allowance)))
	if f.future {
		opts = append(opts, leioci.AllowFuture())
	}
	res, err := leioci.Held(ctx, dir, opts...)
	return newValidity(res), err
}

// validityOf returns how long the snapshot in a directory is good, by the manifest that a pull keeps
// there. Its time may have passed since: that is [leioci.ErrStale]. What cannot be read says
// nothing, as if it had not been pulled.
func validityOf(dir string, allowance time.Duration) (validityJSON, error) {
	raw, err := regular.Read(filepath.Join(dir, artifact.ManifestFile), manifest.MaxBytes+1)
	if err != nil {
		return validityJSON{}, nil //nolint:nilerr // see above
	}
	m, err := manifest.Parse(raw, types.OCIManifestSchema1)
	if err != nil {
		return validityJSON{}, nil //nolint:nilerr // see above
	}
	v, err := artifact.ValidityOf(m)
	if err == nil {
		err = v.Check(allowance)
	}
	return newValidity(&leioci.PullResult{ValidUntil: v.Until, NextUpdate: v.Next}), err
}
