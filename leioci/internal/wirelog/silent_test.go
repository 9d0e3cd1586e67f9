package wirelog_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/internal/wirelog"
)

// unknown is a logger of a kind that the package does not know.
type unknown struct{ logrus.FieldLogger }

func TestNothingIsDoneForALineThatNobodySees(t *testing.T) {
	quiet, hook := logtest.NewNullLogger() // at level info
	loud, loudHook := logtest.NewNullLogger()
	loud.SetLevel(logrus.DebugLevel)
	for name, tc := range map[string]struct {
		log  logrus.FieldLogger
		seen bool
	}{
		"a quiet logger":             {quiet, false},
		"an entry of a quiet logger": {quiet.WithField("a", 1), false},
		"a logger":                   {loud, true},
		"an entry of a logger":       {loud.WithField("a", 1), true},
		"another kind of logger":     {unknown{loud}, true},
	} {
		hook.Reset()
		loudHook.Reset()
		body := io.NopCloser(strings.NewReader("content"))
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example/", nil)
		resp, err := wirelog.Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		}), Log: tc.log, Redact: redact, Hide: hide}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if wrapped := resp.Body != body; wrapped != tc.seen {
			t.Errorf("%s: the body is a %T", name, resp.Body)
		}
		resp.Body.Close()
		if n := len(hook.AllEntries()) + len(loudHook.AllEntries()); n > 0 != tc.seen {
			t.Errorf("%s: got %d lines", name, n)
		}
	}
}

func TestAReadAllocatesNothing(t *testing.T) {
	log, _ := logtest.NewNullLogger()
	log.SetLevel(logrus.DebugLevel)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example/", nil)
	resp, err := wirelog.Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(strings.Repeat("content", 1000)))}, nil
	}), Log: log, Redact: redact, Hide: hide}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buffer := make([]byte, 1)
	if n := testing.AllocsPerRun(100, func() { _, _ = resp.Body.Read(buffer) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
