package leiocitest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// get requests a path and returns the status and the part of the body that could be read.
func get(ctx context.Context, t *testing.T, reg *leiocitest.Registry, path string) (int, string, error) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reg.Host()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// hello answers everything with a header and ten bytes.
func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Hello", "hello")
	_, _ = io.WriteString(w, "0123456789")
}

func TestARegistryAnswersAndRecords(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	for path, want := range map[string]int{"/v2/": http.StatusOK, "/v2/a/manifests/b?c=d": http.StatusNotFound} {
		if status, _, err := get(t.Context(), t, reg, path); status != want || err != nil {
			t.Errorf("%s: got %d, %v", path, status, err)
		}
	}
	got := reg.Requests()
	slices.Sort(got)
	if want := []string{"GET /v2/", "GET /v2/a/manifests/b?c=d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFaultsDoWhatTheySay(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  leiocitest.Fault
		status int
		body   string
		fails  bool
	}{
		"Status":             {leiocitest.Status(http.StatusTeapot, ""), http.StatusTeapot, "", false},
		"Status with a code": {leiocitest.Status(http.StatusForbidden, "DENIED"), http.StatusForbidden, `{"errors":[{"code":"DENIED","message":"injected"}]}`, false},
		"Body":               {leiocitest.Body(bytes.ToUpper), http.StatusOK, "0123456789", false},
		"Body, shorter":      {leiocitest.Body(func(b []byte) []byte { return b[:3] }), http.StatusOK, "012", false},
		"Truncate":           {leiocitest.Truncate(4), http.StatusOK, "0123", true},
		"Cut":                {leiocitest.Cut(), 0, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.Serve(t, http.HandlerFunc(hello))
			fault := reg.On(http.MethodGet, "/a", leiocitest.Always, tc.fault)
			status, body, err := get(t.Context(), t, reg, "/a")
			if status != tc.status || body != tc.body || (err != nil) != tc.fails {
				t.Errorf("got %d, %q, %v", status, body, err)
			}
			if fault.Hits() != 1 {
				t.Errorf("%d hits", fault.Hits())
			}
		})
	}
}

func TestHangLastsUntilTheClientGoesAway(t *testing.T) {
	reg := leiocitest.Serve(t, http.HandlerFunc(hello))
	reached := make(chan struct{}, 1)
	reg.On("", "", leiocitest.Always, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	if _, _, err := get(ctx, t, reg, "/"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAFaultAnswersItsRequestsAsOftenAsItSays(t *testing.T) {
	reg := leiocitest.Serve(t, http.HandlerFunc(hello))
	twice := reg.On(http.MethodGet, "/a", 2, leiocitest.Status(http.StatusTeapot, ""))
	never := reg.On(http.MethodPut, "", leiocitest.Always, leiocitest.Status(http.StatusTeapot, ""))
	var got []int
	for _, path := range []string{"/a", "/b", "/a/x", "/a"} {
		status, _, err := get(t.Context(), t, reg, path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, status)
	}
	if want := []int{http.StatusTeapot, http.StatusOK, http.StatusTeapot, http.StatusOK}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	always := reg.On("", "", leiocitest.Always, leiocitest.Status(http.StatusTeapot, ""))
	for _, want := range []int{http.StatusTeapot, http.StatusOK} {
		if status, _, err := get(t.Context(), t, reg, "/c"); status != want || err != nil {
			t.Errorf("got %d, %v, want %d", status, err, want)
		}
		always.Stop()
	}
	if twice.Hits() != 2 || never.Hits() != 0 {
		t.Errorf("%d and %d hits", twice.Hits(), never.Hits())
	}
}

func TestWriteSnapshotWritesWhatVerifies(t *testing.T) {
	date := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	for _, reports := range [][]string{
		nil,
		{`{"data":{"repo":"a","risk":"low"}}`},
		{`{"data":{"repo":"a"}}`, `{"header":{"repo":"b"}}`, `{"header":{"repo":"b"},"data":{"repo":"a"}}`, `{}`},
	} {
		s, err := snapshot.Open(leiocitest.WriteSnapshot(t, date, reports...))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		var repos []string
		for r, err := range s.Reports(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(repos, r.Repo) {
				repos = append(repos, r.Repo)
			}
		}
		var listed []string
		for repo, err := range s.Repos() {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, repo)
		}
		meta := s.Metadata()
		if !meta.Date.Equal(date) || !slices.Equal(listed, repos) || meta.EntryCount != int64(len(reports)) {
			t.Errorf("%s: got %+v", strings.Join(reports, " "), meta)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
