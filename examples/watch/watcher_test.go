package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestTheFirstSnapshotIsServedAndThenEachNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start() // with nothing to pull
		w.ready(http.StatusServiceUnavailable)
		if status, _ := w.get("/risk?repo="+repoA, nil); status != http.StatusServiceUnavailable {
			t.Errorf("status %d before the first snapshot", status)
		}
		if status, s := w.health(); status != http.StatusServiceUnavailable || s.Status != stateNone || s.Snapshot != nil || s.LastError == nil {
			t.Errorf("before the first snapshot: %d, %+v", status, s)
		}
		date, digest := w.publish(0)
		w.look()
		w.serves(date, digest)
		if status, s := w.health(); status != http.StatusOK || s.Status != stateOK || s.Snapshot.Digest != digest || s.LastError != nil {
			t.Errorf("with the first snapshot: %d, %+v", status, s)
		}
		date, digest = w.publish(1)
		w.look()
		w.serves(date, digest)
		w.metrics(map[string]string{
			`pulls_total{outcome="changed"}`: "2", `errors_total{step="load"}`: "0", `snapshot_info{digest="` + digest + `"}`: "1",
			"snapshot_reports": "3", `lookups_total{outcome="found"}`: "2", `lookups_total{outcome="no_snapshot"}`: "1",
		})
		if w.metric(`pulls_total{outcome="failed"}`) == "0" || w.metric("fetched_bytes_total") == "0" {
			t.Error("a failed pull or the bytes of the others were not counted")
		}
	})
}

func TestWhatTheDirectoryHoldsIsServedWhileTheRegistryIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		w.serves(date, digest)
		w.stop()
		if status, _ := w.get("/risk?repo="+repoA, nil); status != http.StatusServiceUnavailable {
			t.Fatalf("status %d after the end", status)
		}
		w.network.Refuse(host, leiocitest.Always)
		w.start() // now with a snapshot in the directory
		w.serves(date, digest)
		w.look()
		if status, s := w.health(); status != http.StatusOK || s.LastError == nil || !strings.Contains(s.LastError.Message, "refused") {
			t.Errorf("got %d, %+v", status, s)
		}
		w.network.Refuse(host, 0)
		date, digest = w.publish(1)
		w.look()
		w.serves(date, digest)
		if _, s := w.health(); s.LastError != nil {
			t.Errorf("the error stayed: %v", s.LastError)
		}
	})
}

func TestASnapshotThatDoesNotVerifyIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		bad := w.publishBroken(1)
		for range 3 { // it is retried, and is still bad
			w.look()
			w.serves(date, digest)
			status, s := w.health()
			if status != http.StatusOK || s.Snapshot.Digest != digest || s.LastError == nil || !strings.Contains(s.LastError.Message, "manifest.json says") {
				t.Fatalf("got %d, %+v", status, s)
			}
		}
		if onDisk, err := digestOf(w.cfg.dir); err != nil || onDisk != digest {
			t.Errorf("the directory holds %s, %v, not %s; the bad one is %s", onDisk, err, digest, bad)
		}
		if n, err := strconv.Atoi(w.metric(`errors_total{step="pull"}`)); err != nil || n < 3 {
			t.Errorf("%d errors were counted, %v", n, err)
		}
		w.stop()
		w.start() // while the bad one is the newest
		w.serves(date, digest)
		w.look()
		w.serves(date, digest)
		w.ready(http.StatusOK)
		date, digest = w.publish(2)
		w.look()
		w.serves(date, digest)
		if _, s := w.health(); s.LastError != nil {
			t.Errorf("the error stayed: %v", s.LastError)
		}
	})
}

func TestADamagedDirectoryIsNotServedAndIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		w.stop()
		must(t, os.Truncate(filepath.Join(w.cfg.dir, "cache.jsonl.gz"), 20))
		w.network.Refuse(host, leiocitest.Always)
		w.start()
		if status, s := w.health(); status != http.StatusServiceUnavailable || s.LastError == nil {
			t.Errorf("got %d, %+v", status, s)
		}
		w.network.Refuse(host, 0)
		w.look()
		w.serves(date, digest)
	})
}

// TestADirectoryOfADoctoredSnapshotIsRepaired uses a snapshot that verifies but does not match the
// digest.
func TestADirectoryOfADoctoredSnapshotIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		w.stop()
		day, err := time.Parse(time.DateOnly, date)
		must(t, err)
		forged := leiocitest.WriteSnapshot(t, day, `{"data":{"repo":"https://example.org/a","risk":"forged"}}`)
		for _, file := range []string{"manifest.json", "cache.jsonl.gz"} {
			data, err := os.ReadFile(filepath.Join(forged, file))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(w.cfg.dir, file), data, 0o644))
		}
		w.start()
		w.serves(date, digest)
	})
}

func TestATemporaryFailureIsRetriedEvenIfNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.cfg.maxContent = 1
		w.start()
		if _, s := w.health(); s.LastError == nil || !strings.Contains(s.LastError.Message, "raise -max-content") {
			t.Fatalf("got %+v", s)
		}
		w.reg.On(http.MethodHead, "", 1, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			// As if there were room now. This is no data race: the watcher is waiting for the response.
			w.cfg.maxContent = 1 << 20
			registry.ServeHTTP(rw, r)
		})
		w.look()
		w.serves(date, digest)
	})
}

func TestTheLastCheckIsTheLastOneTheRegistryAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish(0)
		w.start()
		for range 3 { // nothing changes, but time passes
			w.look()
			if _, s := w.health(); s.LastChecked == nil || time.Since(*s.LastChecked) > 2*w.cfg.interval {
				t.Fatalf("checked at %v, and it is %v", s.LastChecked, time.Now())
			}
		}
		_, before := w.health()
		w.network.Refuse(host, leiocitest.Always)
		w.reg.On("", "", leiocitest.Always, leiocitest.Status(http.StatusInternalServerError, ""))
		for range 3 {
			w.look()
		}
		if _, s := w.health(); time.Since(*s.LastChecked) < 5*w.cfg.interval || s.LastError == nil {
			t.Errorf("checked at %v, then %v; it is %v", before.LastChecked, s.LastChecked, time.Now())
		}
	})
}

func TestASnapshotThatIsTooOldIsServedAndReportedAsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cfg.interval = time.Hour
		date, digest := w.publish(0)
		w.start()
		time.Sleep(w.cfg.maxAge)
		synctest.Wait()
		if status, s := w.health(); status != http.StatusOK || *s.AgeSeconds != int64(w.cfg.maxAge.Seconds()) || s.MaxAgeSeconds != *s.AgeSeconds {
			t.Errorf("at the limit: %d, %+v", status, s)
		}
		time.Sleep(time.Second)
		status, s := w.health()
		if status != http.StatusOK || s.Status != stateStale || s.LastError != nil {
			t.Errorf("over the limit: %d, %+v", status, s)
		}
		w.ready(http.StatusOK)
		w.serves(date, digest)
		w.metrics(map[string]string{"snapshot_age_seconds": "259201", "snapshot_date_timestamp_seconds": "9.466848e+08"})
		w.svc.maxAge = 0
		if status, _ := w.health(); status != http.StatusOK {
			t.Errorf("without a limit: %d", status)
		}
	})
}

func TestAnIndexThatIsDamagedWhileItIsUsedIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		w.serves(date, digest)
		index := filepath.Join(w.cfg.dir, snapshot.IndexFile)
		info, err := os.Stat(index)
		must(t, err)
		f, err := os.OpenFile(index, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt(make([]byte, info.Size()-4096), 4096) // all but the header
		must(t, err)
		must(t, f.Close())
		w.serves(date, digest) // from the reports themselves
		if w.svc.current.indexed(t.Context()) {
			t.Fatal("the damage does not show")
		}
		w.look()
		w.serves(date, digest)
		if !w.svc.current.indexed(t.Context()) {
			t.Error("there is no index")
		}
	})
}
