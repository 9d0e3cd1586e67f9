package target_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
		"absent":                 {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, nil, both, false},
		"empty":                  {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o700)) }, nil, both, false},
		"of the original client": {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "oci-manifest.json"))) }, nil, nil, false},
		"the manifest is lost":   {func(t *testing.T, dir string) { write(t, dir, "oci-manifest.json", "") }, nil, nil, false},
		"the manifest is another's": {func(t *testing.T, dir string) {
			write(t, dir, "oci-manifest.json", string(publish(t, monday, reportB).raw))
		}, nil, nil, false},
		"without its manifest, damaged": {func(t *testing.T, dir string) {
			write(t, dir, "oci-manifest.json", "")
			flip(t, dir, "cache.jsonl.gz")
		}, nil, []string{"cache.jsonl.gz"}, false},
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

// Until everything is decided, much may end a pull that has fetched all it needs.
func TestWhatIsFetchedIsNotFetchedAgainHoweverThePullEnds(t *testing.T) {
	malformed := publish(t, monday, "not a report")
	for name, tc := range map[string]struct {
		p      *published
		policy target.Policy
		ends   func(ctx context.Context, dir string) context.Context
	}{
		"the reports are refused": {malformed, target.Policy{VerifyReports: true}, nil},
		"the context ends while the reports are read": {publish(t, monday, reportA), target.Policy{VerifyReports: true}, func(ctx context.Context, dir string) context.Context {
			return &endsWhen{ctx, func() bool {
				found, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".leioci-staging-*", "cache.jsonl.gz"))
				return err == nil && len(found) > 0
			}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, ctx := filepath.Join(t.TempDir(), "lei"), t.Context()
			if tc.ends != nil {
				ctx = tc.ends(ctx, dir)
			}
			tc.p.fetched = nil
			_, err := open(dir, tc.policy).Install(ctx, tc.p.raw, tc.p.manifest, tc.p.fetch)
			if err == nil || !slices.Equal(tc.p.fetched, both) {
				t.Fatalf("fetched %q, %v", tc.p.fetched, err)
			}
			res, err := tc.p.install(t, open(dir, target.Policy{}))
			if err != nil || res.Fetched != 0 {
				t.Errorf("fetched again: %+v, %v", res, err)
			}
			assertHolds(t, dir, tc.p)
		})
	}
}

// endsWhen is a context that ends by itself.
type endsWhen struct {
	context.Context
	ended func() bool
}

func (c *endsWhen) Err() error {
	if c.ended() {
		return context.Canceled
	}
	return c.Context.Err()
}

func TestADirectoryStaysTheOneThatItsNameMeantAtFirst(t *testing.T) {
	for name, tc := range map[string]struct {
		path   string // in the working directory
		change func(t *testing.T, parent string)
	}{
		"a relative path, and another working directory": {"lei", func(t *testing.T, parent string) { t.Chdir(filepath.Join(parent, "elsewhere")) }},
		"a symbolic link that is changed": {"link", func(t *testing.T, parent string) {
			must(t, os.Remove(filepath.Join(parent, "link")))
			must(t, os.Symlink("elsewhere/lei", filepath.Join(parent, "link")))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			old, elsewhere, p := publish(t, monday, reportA), publish(t, monday.AddDate(0, 0, 2), reportA), publish(t, monday.AddDate(0, 0, 1), reportB)
			for dir, s := range map[string]*published{"lei": old, "elsewhere/lei": elsewhere} {
				_, err := s.install(t, open(filepath.Join(parent, dir), target.Policy{}))
				must(t, err)
			}
			must(t, os.Symlink("lei", filepath.Join(parent, "link")))
			t.Chdir(parent)
			d := open(tc.path, target.Policy{})
			tc.change(t, parent)
			_, err := p.install(t, d)
			must(t, err)
			for dir, s := range map[string]*published{"lei": p, "elsewhere/lei": elsewhere} {
				if got := read(t, filepath.Join(parent, dir), "oci-manifest.json"); got != string(s.raw) {
					t.Errorf("%s does not hold what it should", dir)
				}
			}
		})
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
			var mu sync.Mutex
			busy, most := 0, 0
			begin := func(n int) {
				mu.Lock()
				defer mu.Unlock()
				busy += n
				most = max(most, busy)
			}
			fetch := func(ctx context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
				begin(1)
				<-time.After(time.Second) // of the bubble: until all that may begin has begun
				begin(-1)
				return p.fetch(ctx, d, into)
			}
			_, err := target.Open(dir, target.Policy{}, &target.Memory{}, allowed, discard()).Install(t.Context(), p.raw, p.manifest, fetch)
			must(t, err)
			assertHolds(t, dir, p)
			if most != allowed {
				t.Errorf("%d were fetched at once, want %d", most, allowed)
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
