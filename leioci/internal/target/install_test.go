package target_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

var both = []string{"cache.jsonl.gz", "manifest.json"}

func TestASnapshotIsInstalledAndWhatIsThereAlreadyIsNotFetched(t *testing.T) {
	old := publish(t, monday, reportA)
	for name, tc := range map[string]struct {
		prepare  func(t *testing.T, dir string) // of a directory that holds old
		next     func(t *testing.T) *published
		fetched  []string
		upToDate bool
	}{
		"absent":                      {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, nil, both, false},
		"empty":                       {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o700)) }, nil, both, false},
		"of the original client":      {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "oci-manifest.json"))) }, nil, both, false},
		"the same":                    {nil, nil, nil, true},
		"the same, damaged":           {func(t *testing.T, dir string) { flip(t, dir, "cache.jsonl.gz") }, nil, []string{"cache.jsonl.gz"}, false},
		"another date, same reports":  {nil, func(t *testing.T) *published { return publish(t, monday.AddDate(0, 0, 1), reportA) }, []string{"manifest.json"}, false},
		"the cache would be the same": {func(t *testing.T, dir string) { flip(t, dir, "cache.jsonl.gz") }, func(t *testing.T) *published { return publish(t, monday.AddDate(0, 0, 1), reportA) }, both, false},
		"another snapshot":            {nil, func(t *testing.T) *published { return publish(t, monday.AddDate(0, 0, 1), reportB) }, both, false},
		"another manifest of it":      {nil, func(t *testing.T) *published { return annotated(t, monday, reportA) }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := installed(t, old)
			if tc.prepare != nil {
				tc.prepare(t, dir)
			}
			p := publish(t, monday, reportA)
			if tc.next != nil {
				p = tc.next(t)
			}
			res, err := p.install(t, open(dir, target.Policy{}))
			must(t, err)
			assertHolds(t, dir, p)
			bytes := 0
			for _, name := range tc.fetched {
				bytes += len(p.files[name])
			}
			if !slices.Equal(p.fetched, tc.fetched) || res.UpToDate != tc.upToDate || res.Fetched != int64(bytes) {
				t.Errorf("fetched %q, want %q: %+v", p.fetched, tc.fetched, res)
			}
			if res.Date.IsZero() || res.Created.IsZero() {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func TestAFileThatIsReusedIsTheSameFile(t *testing.T) {
	dir := installed(t, publish(t, monday, reportA))
	cache := filepath.Join(dir, "cache.jsonl.gz")
	before, err := os.Stat(cache)
	must(t, err)
	_, err = publish(t, monday.AddDate(0, 0, 1), reportA).install(t, open(dir, target.Policy{}))
	must(t, err)
	after, err := os.Stat(cache)
	must(t, err)
	if !os.SameFile(before, after) {
		t.Error("it was copied, or fetched again")
	}
}

func TestWhatIsNoSnapshotIsNeitherFetchedNorReplaced(t *testing.T) {
	p := publish(t, monday, reportA)
	t.Run("a manifest", func(t *testing.T) {
		dir := installed(t, p)
		m := *p.manifest
		m.Layers = m.Layers[:1]
		fetch := func(context.Context, v1.Descriptor, target.Partial) (int64, error) {
			t.Error("something was fetched")
			return 0, nil
		}
		if _, err := open(dir, target.Policy{}).Install(t.Context(), []byte("{}"), &m, fetch); !errors.Is(err, errdef.ErrNotSnapshot) {
			t.Errorf("got %v", err)
		}
		assertHolds(t, dir, p)
	})
	t.Run("a directory", func(t *testing.T) {
		for _, name := range []string{"holiday.jpg", "manifest.json"} {
			dir := filepath.Join(t.TempDir(), "lei")
			must(t, os.Mkdir(dir, 0o700))
			write(t, dir, name, "mine")
			if _, err := p.install(t, open(dir, target.Policy{})); !errors.Is(err, errdef.ErrTargetNotEmpty) || read(t, dir, name) != "mine" {
				t.Errorf("%s: got %v", name, err)
			}
			if len(p.fetched) != 0 {
				t.Errorf("%s: %q was fetched", name, p.fetched)
			}
		}
	})
}

func TestIfOneFileFailsTheOtherIsKeptForTheNextTime(t *testing.T) {
	broken := errors.New("broken")
	for _, failing := range both {
		for _, most := range []int64{0, 20} { // bytes that come before the error
			dir := installed(t, publish(t, monday, reportA))
			old := publish(t, monday, reportA)
			p := annotated(t, monday.AddDate(0, 0, 1), reportB)
			size := int64(len(p.files[failing]))
			p.fails = func(name string) (int64, error) {
				if name == failing {
					return most, broken
				}
				return 0, nil
			}
			if res, err := p.install(t, open(dir, target.Policy{})); !errors.Is(err, broken) || res != nil {
				t.Fatalf("%s: got %+v, %v", failing, res, err)
			}
			for name, content := range old.files {
				if read(t, dir, name) != content {
					t.Errorf("%s: the old %s is gone", failing, name)
				}
			}
			p.fails = nil
			res, err := p.install(t, open(dir, target.Policy{}))
			must(t, err)
			if res.Fetched != size-most {
				t.Errorf("%s after %d bytes: fetched %d, want %d", failing, most, res.Fetched, size-most)
			}
			assertHolds(t, dir, p)
		}
	}
}

func TestNoMoreFilesAreFetchedAtOnceThanAllowed(t *testing.T) {
	for _, allowed := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			p := annotated(t, monday, reportA)
			dir := filepath.Join(t.TempDir(), "lei")
			var busy, most atomic.Int64
			fetch := func(ctx context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
				most.Store(max(most.Load(), busy.Add(1)))
				<-time.After(time.Second) // of the bubble: until all that may begin has begun
				busy.Add(-1)
				return p.fetch(ctx, d, into)
			}
			_, err := target.Open(dir, target.Policy{}, &target.Memory{}, allowed, discard()).Install(t.Context(), p.raw, p.manifest, fetch)
			must(t, err)
			assertHolds(t, dir, p)
			if most.Load() != int64(allowed) {
				t.Errorf("%d were fetched at once, want %d", most.Load(), allowed)
			}
		})
	}
}

func TestAnInstallationEndsWithItsContext(t *testing.T) {
	old := publish(t, monday, reportA)
	dir := installed(t, old)
	ctx, cancel := context.WithCancel(t.Context())
	p := publish(t, monday.AddDate(0, 0, 1), reportB)
	fetch := func(ctx context.Context, _ v1.Descriptor, _ target.Partial) (int64, error) {
		cancel()
		return 0, context.Cause(ctx)
	}
	if _, err := open(dir, target.Policy{}).Install(ctx, p.raw, p.manifest, fetch); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	assertHolds(t, dir, old)
}

func TestAnErrorNamesTheFile(t *testing.T) {
	p := publish(t, monday, reportA)
	p.fails = func(string) (int64, error) { return 0, os.ErrDeadlineExceeded }
	_, err := p.install(t, open(filepath.Join(t.TempDir(), "lei"), target.Policy{}))
	want := map[string]bool{"manifest.json: i/o timeout": true, "cache.jsonl.gz: i/o timeout": true}
	if err == nil || !want[err.Error()] {
		t.Errorf("got %v", err)
	}
}
