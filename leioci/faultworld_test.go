package leioci_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// The hosts of a world.
const (
	registryHost = "registry.localhost"
	storageHost  = "storage.localhost"
)

// Secrets that the client uses and must not reveal.
const (
	secretPassword = "s3cret-password"
	secretToken    = "s3cret-token"
)

// A world is a registry that requires tokens, a storage that it may redirect to, and a client.
// Everything is in memory and, in a bubble of package synctest, runs on fake time.
type world struct {
	t                 *testing.T
	network           *leiocitest.Network
	registry, storage *leiocitest.Registry
	bodies            *bodies
	client            *leioci.Client
	log               *testenv.LogBuffer
	repo              name.Repository
	dir               string // holds an older snapshot
	toStorage         bool   // blobs are redirected
	noMounts          bool   // the registry does not know how to mount a blob, so it is asked with HEAD
	hides             bool   // there is nothing for the anonymous, who are not challenged
	mu                sync.Mutex
	foreign           []string // what the storage was sent, headers included
	expired           bool     // the issued token is no longer accepted
}

func newWorld(t *testing.T) *world {
	time.Sleep(time.Until(newer)) // a bubble's clock begins in 2000, where its snapshots are of the future
	w := &world{t: t, network: leiocitest.NewNetwork(t), log: &testenv.LogBuffer{}, dir: filepath.Join(t.TempDir(), "lei")}
	store := leiocitest.NewHandler()
	w.registry = w.network.Serve(registryHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, store) }))
	w.storage = w.network.Serve(storageHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.foreign = append(w.foreign, fmt.Sprint(r.URL, r.Header))
		w.mu.Unlock()
		store.ServeHTTP(rw, r)
	}))
	base := w.network.Transport()
	base.MaxIdleConnsPerHost = -1 // net/http itself retries some requests if a reused connection breaks
	w.bodies = &bodies{base: base}
	logger := logrus.New()
	logger.SetOutput(w.log)
	logger.SetLevel(logrus.TraceLevel)
	c, err := leioci.New(
		leioci.WithTransport(w.bodies),
		leioci.WithAuth(registryHost, &authn.Basic{Username: "user", Password: secretPassword}),
		leioci.WithLogger(logger), leioci.WithConcurrency(1), leioci.WithRetry(leioci.RetryPolicy{Attempts: 3}),
		leioci.WithPlainHTTP(registryHost),
	)
	must(t, err)
	w.client = c
	w.repo, err = leioci.ParseRepository(registryHost + "/org/lei-cache")
	must(t, err)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, older), leioci.PackageFuture())
	must(t, err)
	_, err = leioci.Unpack(t.Context(), img, w.dir)
	must(t, err)
	return w
}

var (
	older = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	newer = time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve is a registry that requires a token, and issues it for the password.
func (w *world) serve(rw http.ResponseWriter, r *http.Request, store http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.URL.Path == "/token" {
		if _, password, _ := r.BasicAuth(); password != secretPassword {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.expired = false
		_ = json.NewEncoder(rw).Encode(map[string]string{"token": secretToken})
		return
	}
	if w.hides && r.URL.Path != "/v2/" && r.Header.Get("Authorization") == "" {
		leiocitest.Status(http.StatusNotFound, "NAME_UNKNOWN")(rw, r, store)
		return
	}
	if w.expired || r.Header.Get("Authorization") != "Bearer "+secretToken {
		challenge(rw, r, "/token")
		return
	}
	if w.toStorage && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
		http.Redirect(rw, r, "http://"+storageHost+r.URL.Path+"?X-Amz-Signature=s3cret-signature", http.StatusTemporaryRedirect)
		return
	}
	if w.noMounts && r.URL.Query().Has("mount") {
		leiocitest.Status(http.StatusBadRequest, "UNSUPPORTED")(rw, r, nil)
		return
	}
	store.ServeHTTP(rw, r)
}

// expire makes the registry reject the token that it issued.
func (w *world) expire() leiocitest.Fault {
	return func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		w.mu.Lock()
		w.expired = true
		w.mu.Unlock()
		registry.ServeHTTP(rw, r)
	}
}

// fill pushes a snapshot under tags from another client and returns the digest of its reports'
// blob.
func (w *world) fill(date time.Time, report string, tags ...string) string {
	w.t.Helper()
	other, err := leioci.New(leioci.WithTransport(w.network.Transport()), leioci.WithPlainHTTP(registryHost),
		leioci.WithAuth(registryHost, &authn.Basic{Username: "user", Password: secretPassword}))
	must(w.t, err)
	img, err := leioci.Package(w.t.Context(), leiocitest.WriteSnapshot(w.t, date, report), leioci.PackageFuture())
	must(w.t, err)
	_, err = other.PushSnapshot(w.t.Context(), w.repo, tags, img)
	must(w.t, err)
	m, err := img.Manifest()
	must(w.t, err)
	return m.Layers[slices.IndexFunc(m.Layers, func(d v1.Descriptor) bool { return d.MediaType == leioci.MediaTypeCache })].Digest.String()
}

// report is long enough to be cut in the middle.
var report = `{"data":{"repo":"https://example.org/a","risk":"low","results":{"noise":"` + noise(40000) + `"}}}`

// noise returns n characters that hardly compress.
func noise(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; {
		x = x*1664525 + 1013904223
		fmt.Fprintf(&b, "%08x", x)
	}
	return b.String()[:n]
}

// assertSecretsKept fails if a secret is in the log or in err, or was sent to the storage.
func (w *world) assertSecretsKept(err error) {
	w.t.Helper()
	w.mu.Lock()
	foreign := strings.Join(w.foreign, "\n")
	w.mu.Unlock()
	for what, text := range map[string]string{"the log": w.log.String(), "the error": fmt.Sprint(err), "a foreign host": foreign} {
		for _, secret := range []string{secretPassword, secretToken, "dXNlcjpzM2NyZXQtcGFzc3dvcmQ="} {
			if strings.Contains(text, secret) {
				w.t.Errorf("%s shows %q:\n%s", what, secret, text)
			}
		}
	}
	if strings.Contains(w.log.String()+fmt.Sprint(err), "s3cret-signature") {
		w.t.Errorf("a signed URL is shown: %v\n%s", err, w.log)
	}
}

// assertTarget fails unless the target directory has the snapshot of date, and there is nothing
// beside it except partial files of an interrupted pull.
func (w *world) assertTarget(date time.Time) {
	w.t.Helper()
	var m struct{ Date string }
	if err := json.Unmarshal(readFile(w.t, w.dir, "manifest.json"), &m); err != nil || m.Date != date.Format(time.DateOnly) {
		w.t.Errorf("the directory holds the snapshot of %s (%v), want %s", m.Date, err, date.Format(time.DateOnly))
	}
	beside, err := os.ReadDir(filepath.Dir(w.dir))
	must(w.t, err)
	for _, b := range beside {
		kept := date.Equal(older) && strings.HasPrefix(b.Name(), ".leioci-partial-")
		if b.Name() != filepath.Base(w.dir) && !kept {
			w.t.Errorf("beside the directory there is %v", b)
		}
	}
}

// step is a kind of request and its name in error messages.
type step struct {
	name, method, path string
	says               string
}

// pullSteps and pushSteps return the steps in the order of the requests. There is a ping only where
// the registry hides what it has.
func pullSteps() []step {
	return []step{
		{"first request", http.MethodHead, "/manifests/", "/manifests/latest"},
		{"ping", http.MethodGet, "/v2/", "how to authenticate"},
		{"token", http.MethodGet, "/token", "authenticate with"},
		{"manifest HEAD", http.MethodHead, "/manifests/", "/manifests/latest"},
		{"manifest GET", http.MethodGet, "/manifests/", "pull manifest"},
		{"blob GET", http.MethodGet, "/blobs/", "cache.jsonl.gz"},
		{"redirect target", http.MethodGet, "/blobs/", "cache.jsonl.gz"},
	}
}

// stepNamed returns a step of a pull.
func stepNamed(name string) step {
	steps := pullSteps()
	return steps[slices.IndexFunc(steps, func(s step) bool { return s.name == name })]
}

func pushSteps() []step {
	return []step{
		{"first request", http.MethodGet, "/manifests/", "check tag latest"},
		{"ping", http.MethodGet, "/v2/", "how to authenticate"},
		{"token", http.MethodGet, "/token", "authenticate with"},
		{"manifest GET", http.MethodGet, "/manifests/", "check tag latest"},
		{"blob HEAD", http.MethodHead, "/blobs/", "check for it"},
		{"blob POST", http.MethodPost, "/blobs/uploads/", "open an upload"},
		{"blob PUT", http.MethodPut, "/blobs/uploads/", "send it"},
		{"manifest PUT", http.MethodPut, "/manifests/", "put manifest"},
	}
}

// matches reports whether r belongs to the step. For the blobs of a pull, only the reports count,
// because they are the long one.
func (s step) matches(r *http.Request, cache string) bool {
	switch {
	case r.Method != s.method:
		return false
	case s.path == "/v2/" || s.path == "/token":
		return r.URL.Path == s.path
	case s.name != "redirect target" && (r.Header.Get("Authorization") == "") != (s.name == "first request"):
		return false
	case s.method == http.MethodGet && s.path == "/blobs/":
		return strings.HasSuffix(r.URL.Path, cache)
	}
	return strings.Contains(r.URL.Path, s.path)
}

// inject lets fault handle the first times requests of the step, and returns the number handled so
// far.
func (w *world) inject(s step, times int, cache string, fault leiocitest.Fault) func() int {
	reg := w.registry
	if s.name == "redirect target" {
		reg = w.storage
	}
	hits := 0
	reg.On("", "", leiocitest.Always, func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		w.mu.Lock()
		due := s.matches(r, cache) && (times == leiocitest.Always || hits < times)
		if due {
			hits++
		}
		w.mu.Unlock()
		if due {
			fault(rw, r, registry)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	return func() int { w.mu.Lock(); defer w.mu.Unlock(); return hits }
}

// requests returns how many requests all hosts have seen.
func (w *world) requests() int { return len(w.registry.Requests()) + len(w.storage.Requests()) }
