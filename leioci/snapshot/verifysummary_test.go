package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestASummaryOfWhatWasVerifiedIsTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	for _, indexed := range []bool{false, true} {
		if indexed {
			index(t, dir)
		}
		s := open(t, dir)
		want, err := s.Summary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.VerifySummary(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("indexed %v: got %v, %v, want %v", indexed, got, err, want)
		}
	}
}

func TestASnapshotThatDoesNotVerifyHasNoSummary(t *testing.T) {
	for _, content := range []string{line("a") + "no report\n", line("a")} {
		cache := compress(t, content)
		m := describing(content, cache)
		m["entry_count"] = 2
		s := open(t, write(t, m, cache))
		got, err := s.VerifySummary(t.Context())
		if want := s.Verify(t.Context()); err == nil || err.Error() != want.Error() || got.Reports != 0 {
			t.Errorf("%q: got %v, %v, want %v", content, got, err, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.VerifySummary(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, snapshot.ErrMismatch) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
