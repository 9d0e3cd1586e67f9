package leioci_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// web is a transport to servers in memory, by scheme and host. It records what they were sent.
type web struct {
	servers map[string]http.Handler // by scheme://host

	mu   sync.Mutex
	sent map[string][]string // Authorization headers and forms, by scheme://host
}

func (w *web) RoundTrip(req *http.Request) (*http.Response, error) {
	origin := req.URL.Scheme + "://" + req.URL.Host
	server, ok := w.servers[origin]
	if !ok {
		return nil, errors.New("connection refused")
	}
	inner := req.Clone(req.Context())
	inner.RequestURI = req.URL.RequestURI()
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	secrets := req.Header.Get("Authorization")
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		_ = inner.ParseForm() // without one, nothing is recorded
		secrets += inner.PostForm.Encode()
	}
	w.mu.Lock()
	if w.sent == nil {
		w.sent = map[string][]string{}
	}
	w.sent[origin] = append(w.sent[origin], secrets)
	w.mu.Unlock()
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, inner)
	_ = inner.Body.Close() // it is in memory
	resp := recorder.Result()
	resp.Request = req
	return resp, nil
}

// secretsSent returns what a server was sent, in one string.
func (w *web) secretsSent(origin string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.sent[origin], "")
}

// asked returns how many requests a server has got.
func (w *web) asked(origin string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent[origin])
}

// sentTo returns what was sent, by server.
func (w *web) sentTo() map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.sent)
}

// client returns a client on the web that logs everything to log.
func (w *web) client(t *testing.T, log io.Writer, opts ...leioci.Option) *leioci.Client {
	t.Helper()
	c, err := leioci.New(append([]leioci.Option{leioci.WithTransport(w), once(), debugLog(log)}, opts...)...)
	must(t, err)
	return c
}

// debugLog logs everything. Logrus locks what it writes to, but not against who reads that: for a
// test to read, it is a [testenv.LogBuffer].
func debugLog(log io.Writer) leioci.Option {
	l := logrus.New()
	l.SetOutput(log)
	l.SetLevel(logrus.DebugLevel)
	return leioci.WithLogger(l)
}

const secretIdentity = "s3cret-identity"

// assertNoSecret fails if a secret is in a log or an error.
func assertNoSecret(t *testing.T, log fmt.Stringer, err error) {
	t.Helper()
	text := log.String()
	if err != nil {
		text += err.Error()
	}
	for _, secret := range []string{secretPassword, secretToken, secretIdentity, "s3cret"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in a log line or an error:\n%s", secret, text)
		}
	}
}

func testRepository(t testing.TB, registry string) name.Repository {
	t.Helper()
	repo, err := leioci.ParseRepository(registry + "/org/lei-cache")
	must(t, err)
	return repo
}

// insecure returns a repository that go-containerregistry may access over http.
func insecure(t testing.TB, registry string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(registry+"/org/lei-cache", name.Insecure)
	must(t, err)
	return repo
}

// challenging responds to everything with a challenge.
func challenging(challenge string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// issuing is a token server.
func issuing(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"token":"` + token + `"}`)) }
}
