package leioci_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// An image that has its digests needs no context for them.
func TestPackageSnapshotLeavesReadingToWhoNeedsADigest(t *testing.T) {
	stop := errors.New("stop")
	for name, first := range map[string]bool{"not read before the context ends": false, "read before": true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		img, err := leioci.PackageSnapshot(ctx, openSnapshot(t, sampleDir))
		must(t, err)
		if first {
			_, err := img.Digest()
			must(t, err)
		}
		cancel(stop)
		if _, err := img.Digest(); errors.Is(err, stop) == first || (err == nil) != first {
			t.Errorf("%s: got %v", name, err)
		}
		if size, err := img.Size(); errors.Is(err, stop) == first {
			t.Errorf("%s: got %d, %v", name, size, err)
		}
		if c, err := img.RawConfigFile(); err != nil || len(c) == 0 {
			t.Errorf("%s: the config: %q, %v", name, c, err)
		}
	}
	dir := leiocitest.WriteSnapshot(t, monday)
	ctx, cancel := context.WithCancel(t.Context())
	img, err := leioci.Package(ctx, dir)
	must(t, err)
	cancel()
	must(t, os.RemoveAll(dir))
	if _, err := img.Digest(); err != nil {
		t.Errorf("Package did not read: %v", err)
	}
}

func TestOneCallersContextDoesNotFailTheDigestsOfAnother(t *testing.T) {
	img, err := leioci.PackageSnapshot(t.Context(), openSnapshot(t, sampleDir))
	must(t, err)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := leioci.Unpack(ctx, img, filepath.Join(t.TempDir(), "new")); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := img.Digest(); err != nil {
		t.Error(err)
	}
}

func TestAFileThatWasFoundToHaveChangedStaysAnError(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, monday)
	img, err := leioci.PackageSnapshot(t.Context(), openSnapshot(t, dir))
	must(t, err)
	path := filepath.Join(dir, "cache.jsonl.gz")
	old, err := os.Stat(path)
	must(t, err)
	must(t, os.Chtimes(path, time.Time{}, old.ModTime().Add(time.Hour)))
	for range 2 {
		if _, err := img.Digest(); !errors.Is(err, leioci.ErrVerification) {
			t.Errorf("got %v", err)
		}
		must(t, os.Chtimes(path, time.Time{}, old.ModTime()))
	}
}
