package target_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

func TestADirectoryTellsWhatItHoldsByTheManifestThatWasKept(t *testing.T) {
	for name, tc := range map[string]struct {
		change        func(t *testing.T, dir string)
		known, intact bool
	}{
		"intact":                       {func(*testing.T, string) {}, true, true},
		"with another file":            {func(t *testing.T, dir string) { write(t, dir, "config.json", "{}") }, true, true},
		"absent":                       {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, false, false},
		"empty":                        {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o700)) }, false, false},
		"a file":                       {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); write(t, filepath.Dir(dir), "lei", "x") }, false, false},
		"of the original client":       {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "oci-manifest.json"))) }, false, false},
		"the manifest is empty":        {func(t *testing.T, dir string) { write(t, dir, "oci-manifest.json", "") }, false, false},
		"the manifest is no manifest":  {func(t *testing.T, dir string) { write(t, dir, "oci-manifest.json", "[]") }, false, false},
		"the manifest is another kind": {func(t *testing.T, dir string) { edit(t, dir, "vnd.lei", "vnd.other") }, false, false},
		"the manifest is a directory":  {func(t *testing.T, dir string) { replaceByDirectory(t, dir, "oci-manifest.json") }, false, false},
		"a file is damaged":            {func(t *testing.T, dir string) { flip(t, dir, "cache.jsonl.gz") }, true, false},
		"the metadata is damaged":      {func(t *testing.T, dir string) { flip(t, dir, "manifest.json") }, true, false},
		"a file is longer":             {func(t *testing.T, dir string) { write(t, dir, "manifest.json", read(t, dir, "manifest.json")+"\n") }, true, false},
		"a file is missing":            {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "cache.jsonl.gz"))) }, true, false},
		"a file is a link":             {func(t *testing.T, dir string) { replaceByLink(t, dir, "cache.jsonl.gz") }, true, false},
		"the metadata is a link":       {func(t *testing.T, dir string) { replaceByLink(t, dir, "manifest.json") }, true, false},
		"a file is a directory":        {func(t *testing.T, dir string) { replaceByDirectory(t, dir, "cache.jsonl.gz") }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t, monday, reportA)
			dir := installed(t, p)
			tc.change(t, dir)
			d := open(dir, target.Policy{})
			digest, ok := d.Digest()
			if ok != tc.known || ok && digest != p.digest(t) {
				t.Errorf("it holds %s, %v", digest, ok)
			}
			if !tc.known {
				return
			}
			res, err := d.UpToDate(t.Context())
			if err != nil || (res != nil) != tc.intact {
				t.Fatalf("up to date: %+v, %v", res, err)
			}
			if res != nil && (!res.UpToDate || !res.Date.Equal(monday) || res.Created.IsZero() || res.Fetched != 0) {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func edit(t *testing.T, dir, from, to string) {
	t.Helper()
	write(t, dir, "oci-manifest.json", strings.ReplaceAll(read(t, dir, "oci-manifest.json"), from, to))
}

// replaceByLink moves a file out of the directory and leaves a link to it.
func replaceByLink(t *testing.T, dir, name string) {
	t.Helper()
	elsewhere := filepath.Join(t.TempDir(), name)
	must(t, os.Rename(filepath.Join(dir, name), elsewhere))
	must(t, os.Symlink(elsewhere, filepath.Join(dir, name)))
}

func replaceByDirectory(t *testing.T, dir, name string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(dir, name)))
	must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
}

func TestADirectoryThatIsUpToDateMayBeStale(t *testing.T) {
	dir := installed(t, publish(t, monday, reportA))
	res, err := open(dir, target.Policy{MaxAge: time.Since(monday) - 24*time.Hour}).UpToDate(t.Context())
	if !errors.Is(err, errdef.ErrStale) || res != nil {
		t.Errorf("got %+v, %v", res, err)
	}
	if res, err := open(dir, target.Policy{MaxAge: time.Since(monday) + 24*time.Hour}).UpToDate(t.Context()); err != nil || res == nil {
		t.Errorf("young enough: got %+v, %v", res, err)
	}
}

func TestAMemoryLetsAFileBeReadAgainOnlyIfItHasChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		later  time.Duration // of the damaged file
		memory bool          // the same as before
		intact bool
	}{
		"the same time, the same memory": {0, true, true}, // damage that nothing shows
		"the same time, another memory":  {0, false, false},
		"another time, the same memory":  {time.Second, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := installed(t, publish(t, monday, reportA))
			memory := &target.Memory{}
			if res, err := openWith(dir, target.Policy{}, memory).UpToDate(t.Context()); res == nil || err != nil {
				t.Fatalf("got %+v, %v", res, err)
			}
			cache := filepath.Join(dir, "cache.jsonl.gz")
			before, err := os.Stat(cache)
			must(t, err)
			flip(t, dir, "cache.jsonl.gz")
			must(t, os.Chtimes(cache, time.Time{}, before.ModTime().Add(tc.later)))
			if !tc.memory {
				memory = &target.Memory{}
			}
			if res, err := openWith(dir, target.Policy{}, memory).UpToDate(t.Context()); (res != nil) != tc.intact || err != nil {
				t.Errorf("got %+v, %v", res, err)
			}
		})
	}
}

func TestWhatAKilledPullLeftBesideAnIntactDirectoryIsRemoved(t *testing.T) {
	p := publish(t, monday, reportA)
	dir := installed(t, p)
	stage, err := staging.New(t.Context(), dir, staging.Replaceable{Required: []string{"manifest.json"}, Optional: []string{"cache.jsonl.gz", "oci-manifest.json", "config.json"}}, discard())
	must(t, err)
	left := stage.Path()
	must(t, stage.Discard())
	must(t, os.Mkdir(left, 0o700)) // nobody has it locked
	write(t, left, "manifest.json", "{}")
	if res, err := open(dir, target.Policy{}).UpToDate(t.Context()); res == nil || err != nil {
		t.Fatalf("got %+v, %v", res, err)
	}
	assertHolds(t, dir, p)
}
