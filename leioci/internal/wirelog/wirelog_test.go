package wirelog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/internal/wirelog"
)

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return rt(req) }

// answering responds to every request with a body, after a second.
func answering(body io.ReadCloser) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		time.Sleep(time.Second)
		return &http.Response{StatusCode: http.StatusTeapot, Header: http.Header{"Location": {"/?s3cret"}, "Set-Cookie": {"s3cret"}}, Body: body}, nil
	}
}

// redact stands in for the caller's redaction.
func redact(err error) error { return errors.New(strings.ReplaceAll(err.Error(), "s3cret", "...")) }

// hide stands in for what the caller knows of the secrets in a URL.
func hide(url string) string { return strings.ReplaceAll(url, "s3cret", "...") }

// logged sends a request, reads the response to its end or first error, and returns what was
// logged.
func logged(ctx context.Context, t *testing.T, base http.RoundTripper, closes int) ([]*logrus.Entry, string) {
	t.Helper()
	log, hook := logtest.NewNullLogger()
	var text bytes.Buffer
	log.SetOutput(&text)
	log.SetLevel(logrus.DebugLevel)
	req := httptest.NewRequestWithContext(ctx, http.MethodPut, "https://user:s3cret@registry.example/v2/a%2Fb/s3cret?sig=s3cret#s3cret", strings.NewReader("s3cret"))
	req.Header.Set("Authorization", "Bearer s3cret")
	req.Header.Set("Cookie", "s3cret")
	resp, err := wirelog.Transport{Base: base, Log: log, Redact: redact, Hide: hide}.RoundTrip(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, resp.Body) // its error is logged
		for range closes {
			resp.Body.Close()
		}
	}
	return hook.AllEntries(), text.String()
}

func TestARequestIsOneLineThatShowsNoSecret(t *testing.T) {
	broken := errors.New("broken at https://storage/?sig=s3cret")
	usual := map[string]any{"method": "PUT", "url": "https://registry.example/v2/a/b/...", "try": 1, "duration": time.Second, "sent": int64(6)}
	for name, tc := range map[string]struct {
		base   http.RoundTripper
		fields map[string]any
		err    string
	}{
		"an answer": {
			answering(io.NopCloser(strings.NewReader("a s3cret"))),
			map[string]any{"status": http.StatusTeapot, "bytes": int64(8)},
			"",
		},
		"an answer without a body": {answering(http.NoBody), map[string]any{"status": http.StatusTeapot, "bytes": int64(0)}, ""},
		"an answer that breaks off": {
			answering(io.NopCloser(io.MultiReader(strings.NewReader("a s3"), failing{broken}))),
			map[string]any{"status": http.StatusTeapot, "bytes": int64(4)},
			"broken at https://storage/?sig=...",
		},
		"no answer": {
			roundTripper(func(*http.Request) (*http.Response, error) { time.Sleep(time.Second); return nil, broken }),
			nil, "broken at https://storage/?sig=...",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				entries, text := logged(t.Context(), t, tc.base, 2)
				if len(entries) != 1 || strings.Count(text, "\n") != 1 || strings.Contains(text, "s3cret") {
					t.Fatalf("got %s", text)
				}
				e := entries[0]
				want := len(usual) + len(tc.fields)
				if err, ok := e.Data["error"].(error); ok != (tc.err != "") || ok && err.Error() != tc.err {
					t.Errorf("error: got %v, want %q", err, tc.err)
				} else if ok {
					want++
				}
				for _, fields := range []map[string]any{usual, tc.fields} {
					for field, value := range fields {
						if e.Data[field] != value {
							t.Errorf("%s: got %v, want %v", field, e.Data[field], value)
						}
					}
				}
				if e.Level != logrus.DebugLevel || len(e.Data) != want {
					t.Errorf("got %s", text)
				}
			})
		})
	}
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestALineIsWrittenOnceTheBodyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if entries, text := logged(t.Context(), t, answering(http.NoBody), 0); len(entries) != 0 {
			t.Errorf("got %s", text)
		}
	})
}
