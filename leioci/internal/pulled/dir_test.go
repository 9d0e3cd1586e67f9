package pulled_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/pulled"
)

func TestADirectoryHasItsManifestItsBlobsAndItsTags(t *testing.T) {
	w := newWorld(t)
	m, digest := w.pull(sunday, "", report)
	d := w.open()
	tags, err := d.Tags(t.Context())
	if err != nil || !slices.Equal(tags, []string{"2026-02-08", "latest"}) {
		t.Errorf("got %q, %v", tags, err)
	}
	raw := content(t, w.dir, "oci-manifest.json")
	sha512, err := v1.NewHash("sha512:" + strings.Repeat("0", 128))
	check(t, err)
	for id, known := range map[string]bool{
		"latest": true, "2026-02-08": true, digest.String(): true, "weekly": false, "": false, sha512.String(): false,
	} {
		got, err := d.Manifest(t.Context(), id)
		if known && (err != nil || string(got.Raw) != raw || got.Descriptor.Digest != digest || got.Descriptor.MediaType != m.MediaType) {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
		if !known && !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
	}
	for desc, name := range map[v1.Hash]string{
		m.Config.Digest: "config.json", m.Layers[0].Digest: "manifest.json", m.Layers[1].Digest: "cache.jsonl.gz",
	} {
		if got, err := w.read(d, desc); err != nil || got != content(t, w.dir, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.read(d, sha512); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("another blob: %v", err)
	}
	if all, err := d.Referrers(t.Context(), digest); err != nil || len(all) > 0 {
		t.Errorf("referrers: %v, %v", all, err)
	}
}

func TestADirectoryThatIsNotInOrderIsNotOpened(t *testing.T) {
	remove := func(name string) func(*world) {
		return func(w *world) { check(w.t, os.RemoveAll(filepath.Join(w.dir, name))) }
	}
	for name, tc := range map[string]struct {
		change func(w *world)
		want   error
	}{
		"absent":                {remove("."), errdef.ErrNotFound},
		"without a manifest":    {remove("oci-manifest.json"), errdef.ErrNotFound},
		"without its reports":   {remove("cache.jsonl.gz"), errdef.ErrNotFound},
		"without its config":    {remove("config.json"), errdef.ErrNotFound},
		"with a damaged file":   {func(w *world) { flip(w.t, w.dir, "cache.jsonl.gz") }, errdef.ErrVerification},
		"with a shorter file":   {func(w *world) { write(w.t, w.dir, "manifest.json", "{") }, errdef.ErrVerification},
		"with another config":   {func(w *world) { write(w.t, w.dir, "config.json", "{}") }, errdef.ErrVerification},
		"with another manifest": {func(w *world) { write(w.t, w.dir, "oci-manifest.json", "{}") }, errdef.ErrUnsupportedManifest},
		"with a directory inside": {func(w *world) {
			remove("config.json")(w)
			check(w.t, os.Mkdir(filepath.Join(w.dir, "config.json"), 0o700))
		}, nil},
		"with a link out of it": {func(w *world) {
			check(w.t, os.Rename(filepath.Join(w.dir, "cache.jsonl.gz"), w.dir+".gz"))
			check(w.t, os.Symlink(w.dir+".gz", filepath.Join(w.dir, "cache.jsonl.gz")))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pull(sunday, `{"made":"elsewhere"}`, report)
			tc.change(w)
			d, err := pulled.Open(t.Context(), w.dir, tagsOf)
			if err == nil || d != nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, %v", d, err)
			}
		})
	}
}

func TestAConfigThatWasNotKeptIsMadeOfTheMetadata(t *testing.T) {
	w := newWorld(t)
	m, _ := w.pull(sunday, "", report)
	want := content(t, w.dir, "config.json")
	check(t, os.Remove(filepath.Join(w.dir, "config.json")))
	if got, err := w.read(w.open(), m.Config.Digest); err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
}

// A pull does not look at the config of a directory that is up to date.
func TestAConfigThatIsDamagedIsMadeOfTheMetadata(t *testing.T) {
	for name, change := range map[string]func(w *world, path string){
		"another":     func(w *world, _ string) { write(w.t, w.dir, "config.json", "{}") },
		"empty":       func(w *world, _ string) { write(w.t, w.dir, "config.json", "") },
		"a directory": func(w *world, path string) { check(w.t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700))) },
		"a link out of it": func(w *world, path string) {
			check(w.t, errors.Join(os.Rename(path, w.dir+".config"), os.Symlink(w.dir+".config", path)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m, _ := w.pull(sunday, "", report)
			want := content(t, w.dir, "config.json")
			d := w.open()
			change(w, filepath.Join(w.dir, "config.json"))
			for _, d := range []*pulled.Dir{d, w.open()} {
				if got, err := w.read(d, m.Config.Digest); err != nil || got != want {
					t.Errorf("got %q, %v", got, err)
				}
				if tags, err := d.Tags(t.Context()); err != nil || len(tags) != 2 {
					t.Errorf("tags: %q, %v", tags, err)
				}
			}
		})
	}
}

func TestADirectoryThatStaysOutOfOrderIsReadOnce(t *testing.T) {
	w := newWorld(t)
	w.pull(saturday, "", report)
	d := w.open()
	w.pull(sunday, `{"made":"elsewhere"}`, report)
	kept := content(t, w.dir, "config.json")
	check(t, os.Remove(filepath.Join(w.dir, "config.json")))
	_, first := d.Tags(t.Context())
	if _, again := d.Tags(t.Context()); !errors.Is(first, errdef.ErrNotFound) || again != first { //nolint:errorlint // the very one
		t.Errorf("got %v, then %v", first, again)
	}
	write(t, w.dir, "config.json", kept)
	if _, err := d.Tags(t.Context()); err != nil {
		t.Errorf("mended: %v", err)
	}
}

func TestASnapshotThatIsMendedDoesNotPushOutTheFormerOne(t *testing.T) {
	w := newWorld(t)
	old, _ := w.pull(saturday, "", report)
	d := w.open()
	w.pull(sunday, "", report, report)
	for range 3 {
		later := time.Now().Add(time.Minute)
		check(t, os.Chtimes(filepath.Join(w.dir, "manifest.json"), later, later))
		if _, err := d.Tags(t.Context()); err != nil {
			t.Error(err)
		}
		check(t, os.Remove(filepath.Join(w.dir, "config.json")))
		if _, err := d.Tags(t.Context()); err != nil {
			t.Error(err)
		}
		w.pull(sunday, "", report, report)
		if _, err := d.Tags(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.read(d, old.Layers[1].Digest); err != nil {
		t.Errorf("an old blob: %v", err)
	}
}

func TestAnExchangedDirectoryHasTheNewTagsAndStillTheOldBlobs(t *testing.T) {
	w := newWorld(t)
	old, oldDigest := w.pull(saturday, "", report)
	want := content(t, w.dir, "cache.jsonl.gz")
	d := w.open()
	f, _, err := d.OpenBlob(t.Context(), old.Layers[1].Digest)
	check(t, err)
	_, newDigest := w.pull(sunday, "", report, report)
	if got, err := d.Manifest(t.Context(), "latest"); err != nil || got.Descriptor.Digest != newDigest {
		t.Errorf("latest: %+v, %v", got, err)
	}
	if _, err := d.Manifest(t.Context(), "2026-02-07"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("the old tag: %v", err)
	}
	if got, err := d.Manifest(t.Context(), oldDigest.String()); err != nil || got.Descriptor.Digest != oldDigest {
		t.Errorf("the old manifest: %+v, %v", got, err)
	}
	if got, err := w.read(d, old.Layers[1].Digest); err != nil || got != want {
		t.Errorf("an old blob: %v", err)
	}
	w.pull(sunday.AddDate(0, 0, 1), "", report, report, report)
	if _, err := d.Tags(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := w.read(d, old.Layers[1].Digest); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("an old blob, two exchanges later: %v", err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != want {
		t.Errorf("an old blob that is being read: %v", err)
	}
	check(t, f.Close())
}

func TestWhatWasReplacedIsKeptForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old, _ := w.pull(saturday, "", report)
		d, err := pulled.Open(t.Context(), w.dir, tagsOf)
		check(t, err)
		w.pull(sunday, "", report, report)
		for _, tc := range []struct {
			wait time.Duration
			want error
		}{{0, nil}, {59 * time.Minute, nil}, {2 * time.Minute, errdef.ErrNotFound}} {
			time.Sleep(tc.wait)
			if _, err := w.read(d, old.Layers[1].Digest); !errors.Is(err, tc.want) {
				t.Errorf("%v later: %v", tc.wait, err)
			}
		}
		check(t, d.Close())
	})
}

func TestADirectoryThatIsDamagedLaterGivesNothingWrong(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"removed":    func(w *world) { check(w.t, os.RemoveAll(w.dir)) },
		"half there": func(w *world) { check(w.t, os.Remove(filepath.Join(w.dir, "cache.jsonl.gz"))) },
		"written to": func(w *world) { flip(w.t, w.dir, "cache.jsonl.gz") },
		"cut":        func(w *world) { check(w.t, os.Truncate(filepath.Join(w.dir, "cache.jsonl.gz"), 10)) },
		"with another's cache": func(w *world) {
			other := newWorld(w.t)
			other.pull(sunday, "", report, report)
			check(w.t, os.Rename(filepath.Join(other.dir, "cache.jsonl.gz"), filepath.Join(w.dir, "cache.jsonl.gz")))
		},
		"with another's files": func(w *world) {
			other := newWorld(w.t)
			other.pull(sunday, "", report, report)
			check(w.t, os.Rename(filepath.Join(other.dir, "oci-manifest.json"), filepath.Join(w.dir, "oci-manifest.json")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m, _ := w.pull(saturday, "", report)
			want := content(t, w.dir, "cache.jsonl.gz")
			d := w.open()
			reading, _, err := d.OpenBlob(t.Context(), m.Layers[1].Digest)
			check(t, err)
			defer func() { check(t, reading.Close()) }()
			change(w)
			for range 2 {
				if got, err := d.Manifest(t.Context(), "latest"); err == nil {
					t.Errorf("latest is %+v", got)
				}
				if got, err := w.read(d, m.Layers[1].Digest); err == nil && got != want {
					t.Error("the blob is another")
				}
			}
			if got, err := io.ReadAll(reading); err == nil && string(got) != want {
				t.Error("the blob that is being read is another")
			}
			m, _ = w.pull(sunday, "", report, report)
			if _, err := w.read(d, m.Layers[1].Digest); err != nil {
				t.Errorf("after another pull: %v", err)
			}
		})
	}
}

func TestManyReadersWhileTheDirectoryIsExchanged(t *testing.T) {
	w := newWorld(t)
	w.pull(saturday, "", report)
	d := w.open()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				m, err := d.Manifest(t.Context(), "latest")
				if errors.Is(err, errdef.ErrNotFound) {
					continue // between the two steps of an exchange
				}
				if err != nil {
					t.Error(err)
					return
				}
				parsed, err := v1.ParseManifest(strings.NewReader(string(m.Raw)))
				if err != nil {
					t.Error(err)
					return
				}
				rc, err := d.Blob(t.Context(), parsed.Layers[1])
				if errors.Is(err, errdef.ErrNotFound) {
					continue // two exchanges later
				}
				if err == nil {
					_, err = io.Copy(io.Discard, rc)
					err = errors.Join(err, rc.Close())
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 50 {
		w.pull(sunday, "", slices.Repeat([]string{report}, i+1)...)
	}
	close(stop)
	readers.Wait()
}

func TestAClosedDirectoryReadsNothing(t *testing.T) {
	w := newWorld(t)
	m, _ := w.pull(sunday, "", report)
	d, err := pulled.Open(t.Context(), w.dir, tagsOf)
	check(t, err)
	f, _, err := d.OpenBlob(t.Context(), m.Layers[1].Digest)
	check(t, err)
	check(t, d.Close())
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a blob that was open: %v", err)
	}
	check(t, f.Close())
	if _, err := d.Tags(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("tags: %v", err)
	}
	if _, err := w.read(d, m.Layers[1].Digest); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a blob: %v", err)
	}
	check(t, d.Close())
}

func flip(t *testing.T, dir, name string) {
	t.Helper()
	b := []byte(content(t, dir, name))
	b[len(b)/2] ^= 1
	write(t, dir, name, string(b))
	later := time.Now().Add(time.Second)
	check(t, os.Chtimes(filepath.Join(dir, name), later, later))
}
