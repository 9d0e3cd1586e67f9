package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestTagsAreArrangedByDateAndCutToTheLimit(t *testing.T) {
	all := []string{"v1", "2026-02-08", "weekly", "2026-02-10", "2026-02-30", "latest", "2026-02-09", "A"}
	for limit, want := range map[int]string{
		0: "2026-02-10 2026-02-09 2026-02-08 latest weekly 2026-02-30 A v1, 0 left out",
		1: "2026-02-10 latest weekly, 5 left out",
		3: "2026-02-10 2026-02-09 2026-02-08 latest weekly, 3 left out",
		4: "2026-02-10 2026-02-09 2026-02-08 latest weekly 2026-02-30, 2 left out",
		6: "2026-02-10 2026-02-09 2026-02-08 latest weekly 2026-02-30 A v1, 0 left out",
		9: "2026-02-10 2026-02-09 2026-02-08 latest weekly 2026-02-30 A v1, 0 left out",
	} {
		l := arrangeTags(slices.Clone(all), limit)
		var names []string
		for _, tag := range l.tags {
			names = append(names, tag.name)
		}
		if got := fmt.Sprintf("%s, %d left out", strings.Join(names, " "), l.omitted); got != want {
			t.Errorf("%d: got %s\nwant %s", limit, got, want)
		}
	}
}

// manyTags is a registry whose repository has many dated tags of one snapshot.
func manyTags(t *testing.T, n int) (reg *leiocitest.Registry, ref string) {
	t.Helper()
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref = reg.Host() + "/org/lei-cache"
	pushed := pushAnything(t, dir, ref)
	_, raw, _ := leiociIn(t, t.TempDir(), "", "inspect", "--raw", pushed)
	for i := range n {
		putManifest(t, reg, time.Date(2025, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), imageType, raw)
	}
	return reg, ref
}

func TestAtMostEightTagsAreLookedAtAtOnceAndNoMoreThanTheLimit(t *testing.T) {
	reg, ref := manyTags(t, 130)
	var now, most atomic.Int64
	full := make(chan struct{})
	var once sync.Once
	looks := reg.On(http.MethodGet, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		switch n := now.Add(1); {
		case n == tagLooks: // the first eight are there, and wait for one another
			once.Do(func() { // after enough requests for a ninth to have come
				for range 100 {
					roundTrip(t, reg)
				}
				close(full)
			})
		case n > tagLooks:
			most.Store(n)
		}
		<-full
		registry.ServeHTTP(w, r)
		now.Add(-1)
	})
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "tags", ref)
	if status != 0 || strings.Count(stdout, "\n") != 102 || !strings.Contains(stderr, "30 tags more") {
		t.Errorf("%d, %q, %s", status, stderr, stdout)
	}
	if n := most.Load(); n > 0 || looks.Hits() != defaultTagLimit+1 { // and latest
		t.Errorf("%d at once, %d in all", n, looks.Hits())
	}
}

// roundTrip asks a registry for something else.
func roundTrip(t *testing.T, reg *leiocitest.Registry) {
	resp, err := http.Get("http://" + reg.Host() + "/v2/") //nolint:noctx // it is at hand
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
}

func TestARateLimitEndsAListOfTags(t *testing.T) {
	reg, ref := manyTags(t, 50)
	looks := reg.On(http.MethodGet, "/manifests/", leiocitest.Always, leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"))
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "tags", ref)
	if status != 1 || stdout != "" || !strings.Contains(stderr, "429") && !strings.Contains(strings.ToLower(stderr), "rate") {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	if looks.Hits() > tagLooks {
		t.Errorf("%d tags were asked for after the registry had asked to wait", looks.Hits())
	}
}

func TestTagsSayWhatIsNoSnapshot(t *testing.T) {
	reg, ref := manyTags(t, 0)
	putManifest(t, reg, "all", indexType, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[]}`)
	putManifest(t, reg, "2020-02-02", indexType, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[],"annotations":{"a":"b"}}`)
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "tags", "--format=json", ref)
	var d tagsDocument
	if err := json.Unmarshal([]byte(stdout), &d); status != 0 || err != nil {
		t.Fatalf("%d, %v, %s", status, err, stderr)
	}
	kinds := map[string]string{}
	for _, tag := range d.Tags {
		kinds[tag.Tag] = tag.Kind + " " + tag.Date
	}
	if kinds["all"] != "index " || kinds["2020-02-02"] != "index " || kinds["latest"] != "snapshot 2026-02-08" || d.Total != 3 {
		t.Errorf("got %v of %d", kinds, d.Total)
	}
	_, stdout, _ = leiociIn(t, t.TempDir(), "", "tags", ref)
	if strings.Count(stdout, "not a snapshot: "+indexType) != 2 || !strings.Contains(stdout, "snapshot of 2026-02-08") || !strings.Contains(stdout, "there is no tag of that date") {
		t.Errorf("got %s", stdout)
	}
}
