package leioci_test

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A mirrorWorld is a repository with two mirrors. All three have the same snapshot, and each has
// its own password.
type mirrorWorld struct {
	t       *testing.T
	network *leiocitest.Network
	hosts   map[string]*leiocitest.Registry
	repos   map[string]name.Repository
	logger  *logrus.Logger
	log     bytes.Buffer
	mu      sync.Mutex
	sent    map[string]string // the headers that each host received
}

const (
	mainHost = "main.localhost"
	mirrorA  = "a.localhost"
	mirrorB  = "b.localhost"
)

func newMirrorWorld(t *testing.T) *mirrorWorld {
	time.Sleep(time.Until(newer)) // a bubble's clock begins in 2000, where its snapshots are of the future
	w := &mirrorWorld{
		t: t, network: leiocitest.NewNetwork(t), hosts: map[string]*leiocitest.Registry{},
		repos: map[string]name.Repository{}, sent: map[string]string{}, logger: logrus.New(),
	}
	w.logger.SetOutput(&w.log)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, newer, report), leioci.PackageFuture())
	must(t, err)
	for _, host := range []string{mainHost, mirrorA, mirrorB} {
		registry := leiocitest.BasicAuth("user", "s3cret-"+host, leiocitest.NewHandler())
		w.hosts[host] = w.network.Serve(host, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			w.sent[host] += strings.Join(r.Header.Values("Authorization"), "") + r.URL.String()
			w.mu.Unlock()
			registry.ServeHTTP(rw, r)
		}))
		w.repos[host], err = leioci.ParseRepository(host + "/org/lei-cache")
		must(t, err)
		_, err = w.client().PushSnapshot(t.Context(), w.repos[host], []string{"2026-02-08", "latest"}, img)
		must(t, err)
	}
	return w
}

// client returns a client that uses the mirrors and the passwords.
func (w *mirrorWorld) client(opts ...leioci.Option) *leioci.Client {
	w.t.Helper()
	opts = append([]leioci.Option{
		leioci.WithTransport(w.network.Transport()), leioci.WithLogger(w.logger), once(),
		leioci.WithPlainHTTP(mainHost, mirrorA, mirrorB),
	}, opts...)
	for _, host := range []string{mainHost, mirrorA, mirrorB} {
		opts = append(opts, leioci.WithAuth(host, &authn.Basic{Username: "user", Password: "s3cret-" + host}))
	}
	c, err := leioci.New(opts...)
	must(w.t, err)
	return c
}

// mirrors names the mirrors in their order, A first.
func (w *mirrorWorld) mirrors() leioci.Option {
	return leioci.WithMirrors(
		leioci.Mirror{Of: w.repos[mainHost], At: w.repos[mirrorA]},
		leioci.Mirror{Of: w.repos[mainHost], At: w.repos[mirrorB]},
	)
}

func TestAMirrorThatFailsIsPassedOver(t *testing.T) {
	for name, tc := range map[string]struct {
		breaks func(w *mirrorWorld)
		from   string
		warns  string // warning expected in the log
	}{
		"nothing":                 {func(*mirrorWorld) {}, mirrorA, ""},
		"no connection":           {func(w *mirrorWorld) { w.network.Refuse(mirrorA, leiocitest.Always) }, mirrorB, ""},
		"not there":               {answers("/manifests/", leiocitest.Status(http.StatusNotFound, "NAME_UNKNOWN")), mirrorB, ""},
		"unavailable":             {answers("", leiocitest.Status(http.StatusServiceUnavailable, "")), mirrorB, ""},
		"rate limited":            {answers("", leiocitest.RetryAfter(http.StatusTooManyRequests, "3600")), mirrorB, ""},
		"silent":                  {answers("", leiocitest.Hang(nil)), mirrorB, ""},
		"no answer":               {answers("", leiocitest.Cut()), mirrorB, ""},
		"unauthorized":            {answers("", leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED")), mirrorB, "unauthorized"},
		"denied":                  {answers("/manifests/", leiocitest.Status(http.StatusForbidden, "DENIED")), mirrorB, "denied"},
		"a missing blob":          {answers("/blobs/", leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN")), mirrorA, ""},
		"a corrupt blob":          {answers("/blobs/", leiocitest.Corrupt(0)), mirrorA, "does not match its digest"},
		"a short blob":            {answers("/blobs/", leiocitest.Short(1)), mirrorA, "does not match its digest"},
		"a broken blob":           {answers("/blobs/", leiocitest.Truncate(100)), mirrorA, ""},
		"a blob that never comes": {answers("/blobs/", leiocitest.Truncate(0)), mirrorA, ""},
		"both mirrors":            {func(w *mirrorWorld) { w.network.Refuse(mirrorA, -1); w.network.Refuse(mirrorB, -1) }, mainHost, ""},
		"all but mirrorB":         {func(w *mirrorWorld) { w.network.Refuse(mirrorA, -1); w.network.Refuse(mainHost, -1) }, mirrorB, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				tc.breaks(w)
				w.log.Reset()
				dir := filepath.Join(t.TempDir(), "lei")
				c := w.client(w.mirrors(), leioci.WithRetry(leioci.RetryPolicy{Attempts: 2}))
				res, err := c.PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir)
				must(t, err)
				if res.Source != w.repos[tc.from] || res.Ref.Context() != w.repos[mainHost] {
					t.Errorf("got %s from %s, want it from %s", res.Ref, res.Source, tc.from)
				}
				if warned := strings.Contains(w.log.String(), "level=warning"); warned != (tc.warns != "") || !strings.Contains(w.log.String(), tc.warns) {
					t.Errorf("want a warning of %q, got\n%s", tc.warns, w.log.String())
				}
				w.assertCredentialsKept()
			})
		})
	}
}

// answers makes mirror A respond with a fault to requests whose path contains path.
func answers(path string, fault leiocitest.Fault) func(*mirrorWorld) {
	return func(w *mirrorWorld) { w.hosts[mirrorA].On(http.MethodGet, path, leiocitest.Always, fault) }
}

// assertCredentialsKept fails if a host received another host's credentials.
func (w *mirrorWorld) assertCredentialsKept() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for host, sent := range w.sent {
		for other := range w.hosts {
			basic := &http.Request{Header: http.Header{}}
			basic.SetBasicAuth("user", "s3cret-"+other)
			if other != host && strings.Contains(sent, basic.Header.Get("Authorization")) {
				w.t.Errorf("%s was sent the credentials of %s", host, other)
			}
		}
	}
	if strings.Contains(w.log.String(), "s3cret") {
		w.t.Errorf("the log shows a password:\n%s", w.log.String())
	}
}

func TestIfAllSourcesFailTheErrorListsThemWithTheirReasons(t *testing.T) {
	w := newMirrorWorld(t)
	w.network.Refuse(mirrorA, leiocitest.Always)
	w.hosts[mirrorB].On("", "", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	w.hosts[mainHost].On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
	_, err := w.client(w.mirrors()).PullManifest(t.Context(), w.repos[mainHost].Tag("latest"))
	for _, says := range []string{
		mirrorA + "/org/lei-cache: ", "connection refused", mirrorB + "/org/lei-cache: ", "DENIED", mainHost + "/org/lei-cache: ", "MANIFEST_UNKNOWN",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is missing in: %v", says, err)
		}
	}
	if !errors.Is(err, leioci.ErrNotFound) && !errors.Is(err, leioci.ErrDenied) {
		t.Errorf("the kinds are lost: %v", err)
	}
}

func TestWhatAMirrorAsksForIsNoReasonNotToAskTheOthersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		w.hosts[mirrorA].On("", "", leiocitest.Always, leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"))
		w.network.Refuse(mirrorB, leiocitest.Always)
		w.network.Refuse(mainHost, 1)
		_, err := w.client(w.mirrors(), leioci.WithRetry(leioci.RetryPolicy{})).PullManifest(t.Context(), w.repos[mainHost].Tag("latest"))
		must(t, err)
	})
}

func TestADigestIsPinnedAcrossMirrors(t *testing.T) {
	// Mirror A has the tag but no blobs; B has the blobs, but a different snapshot under the tag.
	w := newMirrorWorld(t)
	other, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, newer.Add(24*time.Hour), `{"data":{"repo":"https://example.org/b"}}`), leioci.PackageFuture())
	must(t, err)
	_, err = w.client().PushSnapshot(t.Context(), w.repos[mirrorB], []string{"latest"}, other)
	must(t, err)
	w.hosts[mirrorA].On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"))
	dir := filepath.Join(t.TempDir(), "lei")
	res, err := w.client(w.mirrors()).PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir)
	must(t, err)
	if !res.Date.Equal(newer) || res.Source != w.repos[mirrorA] {
		t.Errorf("got the snapshot of %v from %s", res.Date, res.Source)
	}
}

func TestAMirrorThatIsBehindIsPassedOverWhereThatMatters(t *testing.T) {
	for name, tc := range map[string]struct {
		opts []leioci.PullOption
		from string
	}{
		"any age":       {nil, mirrorA},
		"a maximum age": {[]leioci.PullOption{leioci.MaxAge(24 * time.Hour)}, mainHost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newMirrorWorld(t)
				time.Sleep(time.Until(newer.AddDate(0, 0, 7)))
				w.push(newer.AddDate(0, 0, 7)) // to the repository itself
				dir := filepath.Join(t.TempDir(), "lei")
				for range 2 { // the second time, the directory exists
					res, err := w.client(w.mirrors()).PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir, tc.opts...)
					if err != nil || res.Source != w.repos[tc.from] {
						t.Errorf("got %+v, %v, want it from %s", res, err, tc.from)
					}
				}
				// A mirror that is behind does not roll back a directory that was current.
				_, err := w.client().PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir)
				must(t, err)
				res, err := w.client(w.mirrors()).PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), dir)
				if err != nil || res.Source != w.repos[mainHost] {
					t.Errorf("got %+v, %v", res, err)
				}
			})
		})
	}
}

func TestWithMirrorsRefusesWhatIsNoMirror(t *testing.T) {
	repo, err := leioci.ParseRepository("ghcr.io/org/lei-cache")
	must(t, err)
	for name, m := range map[string]leioci.Mirror{"nothing": {}, "no place": {Of: repo}, "itself": {Of: repo, At: repo}} {
		if _, err := leioci.New(leioci.WithMirrors(m)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestASourceThatIsBusyIsAskedAgainThoughOthersHaveNothing(t *testing.T) {
	for _, host := range []string{mirrorA, mirrorB, mainHost} {
		synctest.Test(t, func(t *testing.T) {
			w := newMirrorWorld(t)
			busy := w.hosts[host].On(http.MethodGet, "/manifests/", 2, leiocitest.Status(http.StatusServiceUnavailable, ""))
			for other, reg := range w.hosts {
				if other != host {
					reg.On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
				}
			}
			c := w.client(w.mirrors(), leioci.WithRetry(leioci.RetryPolicy{}))
			if _, err := c.PullManifest(t.Context(), w.repos[mainHost].Tag("latest")); err != nil || busy.Hits() != 2 {
				t.Errorf("%s: busy %d times, %v", host, busy.Hits(), err)
			}
		})
	}
}

func TestTheRepositorysOwnAnswerIsTheKindOfTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		w.hosts[mirrorA].On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
		w.hosts[mirrorB].On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
		w.hosts[mainHost].On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusServiceUnavailable, ""))
		_, err := w.client(w.mirrors()).PullManifest(t.Context(), w.repos[mainHost].Tag("latest"))
		if err == nil || errors.Is(err, leioci.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}
