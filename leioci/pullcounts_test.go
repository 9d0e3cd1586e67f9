package leioci_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A countRow is a pull and its expected requests; counts not given are 0.
type countRow struct {
	name    string
	prepare func(w *countWorld)
	pull    func(w *countWorld) (*leioci.PullResult, error) // with a new client by tag, if nil
	want    func(cache, meta int64) counts
	mirror  counts // the mirror's requests
	current bool   // the directory was up to date
}

func countRows() []countRow {
	pulled := func(w *countWorld) { _, err := w.pull(); must(w.t, err) }
	mirrored := func(w *countWorld) (*leioci.PullResult, error) {
		return w.pull(leioci.WithMirrors(leioci.Mirror{Of: w.repos[w.main], At: w.repos[w.mirror]}))
	}
	none := func(int64, int64) counts { return counts{} }
	first := func(cache, meta int64) counts {
		return counts{manifest: 1, blobs: 2, bytes: cache + meta}
	}
	return []countRow{
		{name: "first pull", want: first},
		{name: "repeated, by tag", prepare: pulled, current: true, want: func(int64, int64) counts {
			return counts{head: 1}
		}},
		{name: "repeated, by digest", prepare: pulled, current: true, want: none, pull: func(w *countWorld) (*leioci.PullResult, error) {
			return w.client().PullSnapshot(w.t.Context(), w.repos[w.main].Digest(w.digest), w.dir)
		}},
		{name: "repeated, HEAD without digest", current: true, prepare: func(w *countWorld) {
			pulled(w)
			w.main.On(http.MethodHead, "", leiocitest.Always, leiocitest.Header("Docker-Content-Digest", ""))
		}, want: func(int64, int64) counts { return counts{head: 1, manifest: 1} }},
		{name: "repeated, HEAD answered 405", current: true, prepare: func(w *countWorld) {
			pulled(w)
			w.main.On(http.MethodHead, "", leiocitest.Always, leiocitest.Status(http.StatusMethodNotAllowed, ""))
		}, want: func(int64, int64) counts { return counts{head: 1, manifest: 1} }},
		{name: "the reports changed", prepare: func(w *countWorld) { pulled(w); w.changeReports() }, want: func(cache, _ int64) counts {
			return counts{head: 1, manifest: 1, blobs: 1, bytes: cache}
		}},
		{name: "the metadata changed", prepare: func(w *countWorld) {
			pulled(w)
			w.push(leiocitest.WriteSnapshot(w.t, newer, report), w.main)
		}, want: func(_, meta int64) counts {
			return counts{head: 1, manifest: 1, blobs: 1, bytes: meta}
		}},
		{name: "resumed at 50 %", prepare: (*countWorld).interrupt, want: func(cache, _ int64) counts {
			return counts{manifest: 1, ranges: 1, bytes: cache - cache/2}
		}},
		{name: "damaged partial", prepare: func(w *countWorld) {
			w.interrupt()
			half := readFile(w.t, w.partial())
			half[len(half)/2] ^= 1
			must(w.t, os.WriteFile(w.partial(), half, 0o644))
		}, want: func(cache, _ int64) counts {
			return counts{manifest: 1, ranges: 1, blobs: 1, bytes: cache - cache/2 + cache}
		}},
		{name: "damaged and whole partial", prepare: func(w *countWorld) {
			w.interrupt()
			must(w.t, os.WriteFile(w.partial(), bytes.Repeat([]byte{1}, int(w.layers[0].Size)), 0o644))
		}, want: func(cache, _ int64) counts { return counts{manifest: 1, blobs: 1, bytes: cache} }},
		{name: "partial that is too long", prepare: func(w *countWorld) {
			w.interrupt()
			must(w.t, os.WriteFile(w.partial(), append(readFile(w.t, w.files, "cache.jsonl.gz"), 1), 0o644))
		}, want: func(cache, _ int64) counts { return counts{manifest: 1, blobs: 1, bytes: cache} }},
		{name: "complete partial", prepare: func(w *countWorld) {
			w.interrupt()
			must(w.t, os.WriteFile(w.partial(), readFile(w.t, w.files, "cache.jsonl.gz"), 0o644))
		}, want: func(int64, int64) counts { return counts{manifest: 1} }},
		{name: "partial of another digest", prepare: func(w *countWorld) {
			w.interrupt()
			w.push(leiocitest.WriteSnapshot(w.t, newer, `{"data":{"repo":"https://example.org/c"}}`), w.main)
		}, want: first},
		{name: "mirror", pull: mirrored, want: none, mirror: counts{manifest: 1, blobs: 2, bytes: -1}},
		{name: "mirror that is down", pull: mirrored, want: first, prepare: func(w *countWorld) {
			w.network.Refuse(mirrorA, leiocitest.Always)
		}},
		{name: "mirror without the tag", pull: mirrored, want: first, mirror: counts{manifest: 1}, prepare: func(w *countWorld) {
			w.mirror.On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
		}},
		{name: "mirror without the blobs", pull: mirrored, mirror: counts{manifest: 1, blobs: 2}, prepare: func(w *countWorld) {
			w.mirror.On("", "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, ""))
		}, want: func(cache, meta int64) counts { return counts{blobs: 2, bytes: cache + meta} }},
		{name: "mirror, up to date", pull: mirrored, want: none, current: true, mirror: counts{head: 1}, prepare: pulled},
	}
}

func TestPullCountsAreThoseOfTheTable(t *testing.T) {
	const head = "ping HEAD manifest blobs ranges    bytes"
	table := fmt.Sprintf("%-30s  %s   mirror: %s", "", head, head)
	for _, row := range countRows() {
		t.Run(row.name, func(t *testing.T) {
			w := newCountWorld(t)
			if row.prepare != nil {
				row.prepare(w)
			}
			w.main.take()
			w.mirror.take()
			if row.pull == nil {
				row.pull = func(w *countWorld) (*leioci.PullResult, error) { return w.pull() }
			}
			res, err := row.pull(w)
			must(t, err)
			got, mirror := w.main.take(), w.mirror.take()
			table += fmt.Sprintf("\n%-30s  %s           %s", row.name, got, mirror)
			cache, meta := w.layers[0].Size, w.layers[1].Size
			if row.mirror.bytes < 0 {
				row.mirror.bytes = cache + meta
			}
			if want := row.want(cache, meta); got != want || mirror != row.mirror {
				t.Errorf("want %+v, got %+v; of the mirror want %+v, got %+v", want, got, row.mirror, mirror)
			}
			if res.UpToDate != row.current || res.BytesFetched != got.bytes+mirror.bytes {
				t.Errorf("got %+v for %d bytes", res, got.bytes+mirror.bytes)
			}
			w.assertCurrent()
		})
	}
	t.Log("what a pull costs:\n" + table)
}

// assertCurrent fails unless the directory has the last snapshot pushed, nothing is beside it, and
// the next pull is one request.
func (w *countWorld) assertCurrent() {
	w.t.Helper()
	assertSame(w.t, w.files, w.dir, "manifest.json", "cache.jsonl.gz")
	beside, err := os.ReadDir(filepath.Dir(w.dir))
	must(w.t, err)
	if len(beside) != 1 {
		w.t.Errorf("beside the directory are %v", beside)
	}
	res, err := w.pull()
	must(w.t, err)
	if !res.UpToDate {
		w.t.Errorf("the next pull fetched %d bytes", res.BytesFetched)
	}
}
