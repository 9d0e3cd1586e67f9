package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

func TestRequestsWithoutReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		date, digest := w.publish(0)
		w.start()
		for path, want := range map[string]int{
			"/risk":                              http.StatusBadRequest,
			"/risk?repo=":                        http.StatusBadRequest,
			"/risk?repo=%zz":                     http.StatusBadRequest,
			"/risk?repo=a&repo=b":                http.StatusBadRequest,
			"/risk?repo=https://example.org/c":   http.StatusNotFound,
			"/risk?repo=https://example.org/a/":  http.StatusOK, // as people write it
			"/risk?repo=%3Cscript%3E%22%0A%00":   http.StatusNotFound,
			"/risk?repo=https://example.org/b":   http.StatusOK,
			"/risk?repo=https%3A//example.org/b": http.StatusOK,
		} {
			var a answer
			status, body := w.get(path, &a)
			if status != want || (status == http.StatusOK) != (a.Error == "") {
				t.Errorf("%s: status %d, want %d: %s", path, status, want, body)
			}
			if status != http.StatusBadRequest && (a.Snapshot.Date != date || a.Snapshot.Digest != digest) {
				t.Errorf("%s does not say which snapshot: %s", path, body)
			}
		}
		w.metrics(map[string]string{
			`lookups_total{outcome="bad_request"}`: "4", `lookups_total{outcome="unknown"}`: "2", `lookups_total{outcome="found"}`: "3",
		})
		for _, path := range []string{"/", "/risks", "/risk/"} {
			if status, _ := w.get(path, nil); status != http.StatusNotFound {
				t.Errorf("%s: status %d", path, status)
			}
		}
	})
}

func TestAResponseThatCannotBeCompletedIsAborted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish(0)
		w.start()
		must(t, w.svc.current.active.Close()) // reads fail from now on
		func() {
			defer func() {
				if got := recover(); got != http.ErrAbortHandler {
					t.Errorf("recovered %v", got)
				}
			}()
			w.get("/risk?repo="+repoA, nil)
		}()
		w.metrics(map[string]string{`lookups_total{outcome="failed"}`: "1", `lookups_total{outcome="found"}`: "0"})
		if last := w.logs.LastEntry(); last == nil || !strings.Contains(last.Message, "aborted the response") {
			t.Errorf("logged %v", last)
		}
	})
}
