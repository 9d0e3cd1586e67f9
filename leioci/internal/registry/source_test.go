package registry_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// places are a repository and its mirrors a and b.
type places struct {
	*world
	regs                   map[string]*leiocitest.Registry
	repo, mirrorA, mirrorB name.Repository
}

func newPlaces(t *testing.T) *places {
	p := &places{world: newWorld(t), regs: map[string]*leiocitest.Registry{}}
	for host, repo := range map[string]*name.Repository{
		"main.localhost": &p.repo, "a.localhost": &p.mirrorA, "b.localhost": &p.mirrorB,
	} {
		p.regs[host], *repo = p.serve(host)
	}
	return p
}

// source returns the repository with both mirrors in front.
func (p *places) source(edits ...func(*registry.Config)) *registry.Source {
	return p.client(append(edits, mirrors(p.repo, p.mirrorA, p.mirrorB))...).Source(p.repo)
}

// order lists the hosts that an error says were asked.
func order(t *testing.T, s *registry.Source) string {
	t.Helper()
	_, _, err := s.Manifest(t.Context(), s.Repository().Tag("absent"), nil)
	if err == nil {
		t.Fatal("no error")
	}
	var hosts []string
	for _, word := range strings.Fields(err.Error()) {
		if host, ok := strings.CutSuffix(word, ".localhost/org/cache:"); ok {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, " ")
}

func TestTheMirrorsOfARepositoryAreAskedInTheirOrderAndItselfLast(t *testing.T) {
	p := newPlaces(t)
	s := p.source()
	if got := order(t, s); got != "a b main" {
		t.Errorf("asked %s", got)
	}
	if s.Repository() != p.repo || !s.HasMirrors() {
		t.Errorf("the source is of %s, with mirrors: %v", s.Repository(), s.HasMirrors())
	}
	for first, want := range map[name.Repository]string{p.repo: "main a b", p.mirrorA: "a b main", p.mirrorB: "b a main"} {
		if got := order(t, s.Prefer(first)); got != want {
			t.Errorf("if %s is preferred, asked %s, want %s", first, got, want)
		}
	}
	if got := order(t, s); got != "a b main" {
		t.Errorf("Prefer has changed the source: asked %s", got)
	}
}

func TestTheMirrorsOfAnotherRepositoryAreNotAsked(t *testing.T) {
	p := newPlaces(t)
	c := p.client(mirrors(p.repo, p.mirrorA))
	for _, s := range []*registry.Source{c.Source(p.mirrorB), c.Source(p.repo.Repo("org", "other")), c.Destination(p.repo).Source()} {
		if s.HasMirrors() {
			t.Errorf("%s has mirrors", s.Repository())
		}
		if _, _, err := s.Manifest(t.Context(), s.Repository().Tag("absent"), nil); err == nil {
			t.Error("no error")
		}
	}
	if got := p.regs["a.localhost"].Requests(); len(got) != 0 {
		t.Errorf("the mirror was asked %q", got)
	}
}

func TestAMirrorThatFailsIsPassedOverWithAWarningWhereSomebodyShouldLookIntoIt(t *testing.T) {
	for name, tc := range map[string]struct {
		fault leiocitest.Fault // nil for no connection
		warns bool
	}{
		"no connection": {nil, false},
		"no response":   {leiocitest.Cut(), false},
		"not found":     {leiocitest.Status(http.StatusNotFound, "NAME_UNKNOWN"), false},
		"unavailable":   {leiocitest.Status(http.StatusServiceUnavailable, ""), false},
		"rate limited":  {leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"), false},
		"unauthorized":  {leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), true},
		"denied":        {leiocitest.Status(http.StatusForbidden, "DENIED"), true},
		"no manifest":   {leiocitest.Body(func([]byte) []byte { return []byte("<html>") }), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlaces(t)
			if tc.fault == nil {
				p.network.Refuse("a.localhost", leiocitest.Always)
			} else {
				p.regs["a.localhost"].On(http.MethodGet, "/manifests/", leiocitest.Always, tc.fault)
			}
			digest := p.repo.Digest(descriptor(t, sampleManifest).Digest.String())
			m, from, err := p.source(once).Manifest(t.Context(), digest, nil)
			if err != nil || from != p.mirrorB || string(m.Raw) != sampleManifest {
				t.Errorf("got %v from %s, %v", m, from, err)
			}
			if got := p.log.String(); strings.Count(got, "a.localhost/org/cache as a source") != 1 || strings.Contains(got, "level=warning") != tc.warns {
				t.Errorf("logged %s", got)
			}
			if n := len(p.regs["main.localhost"].Requests()); n != 0 {
				t.Errorf("the repository itself was asked %d times", n)
			}
		})
	}
}

func TestIfEveryPlaceFailsTheErrorListsThemAllAndIsTheRepositorysOwn(t *testing.T) {
	p := newPlaces(t)
	p.network.Refuse("a.localhost", leiocitest.Always)
	p.regs["b.localhost"].On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	p.regs["main.localhost"].On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"))
	for _, first := range []name.Repository{p.mirrorA, p.mirrorB, p.repo} {
		_, _, err := p.source(once).Prefer(first).Manifest(t.Context(), p.repo.Tag("latest"), nil)
		var response *transport.Error
		if !errors.As(err, &response) || response.StatusCode != http.StatusNotFound {
			t.Errorf("%s first: errors.As finds %v", first, response)
		}
		for _, says := range []string{"a.localhost/org/cache: ", "refused", "b.localhost/org/cache: ", "DENIED", "main.localhost/org/cache: ", "MANIFEST_UNKNOWN"} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q is missing in: %v", says, err)
			}
		}
	}
}

func TestEveryPlaceIsAskedBeforeAnyIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(t)
		var hosts []string
		for host, reg := range p.regs {
			reg.On(http.MethodGet, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				hosts = append(hosts, strings.TrimSuffix(host, ".localhost")) // one request at a time
				w.Header().Set("Retry-After", map[bool]string{true: "0", false: "3600"}[host == "main.localhost"])
				w.WriteHeader(http.StatusServiceUnavailable)
			})
		}
		_, _, err := p.source().Manifest(t.Context(), p.repo.Tag("latest"), nil)
		if want := []string{"a", "b", "main", "a", "b", "main"}; err == nil || !slices.Equal(hosts, want) {
			t.Errorf("asked %q, %v", hosts, err)
		}
	})
}

func TestARetryAfterOfAMirrorDoesNotHoldUpTheOthers(t *testing.T) {
	p := newPlaces(t)
	p.regs["a.localhost"].On("", "", leiocitest.Always, leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"))
	p.network.Refuse("b.localhost", leiocitest.Always)
	p.network.Refuse("main.localhost", 1)
	if _, from, err := p.source().Manifest(t.Context(), p.repo.Tag("latest"), nil); err != nil || from != p.repo {
		t.Errorf("got it from %s, %v", from, err)
	}
}

func TestAContextThatEndsEndsTheSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(t)
		reached := make(chan struct{}, 1)
		p.regs["a.localhost"].On(http.MethodGet, "/manifests/", 1, leiocitest.Hang(reached))
		ctx, cancel, cause := withCause(t)
		go func() { <-reached; cancel(cause) }()
		if _, _, err := p.source().Manifest(ctx, p.repo.Tag("latest"), nil); err == nil {
			t.Error("no error")
		}
		if n := len(p.regs["b.localhost"].Requests()); n != 0 || p.log.String() != "" {
			t.Errorf("the next place was asked %d times; logged %s", n, p.log.String())
		}
	})
}

func TestNoPlaceIsAskedBeforeItWantsToBeIfNoOtherMayRespond(t *testing.T) {
	for name, tc := range map[string]struct {
		main, a, b leiocitest.Fault
		wait       time.Duration // at least
		asked      int           // the repository itself
	}{
		"the others have nothing":  {limited("30"), absent, absent, 30 * time.Second, 2},
		"all of them want a pause": {limited("40"), limited("30"), limited("50"), 30 * time.Second, 2},
		"one of them wants none":   {limited("40"), limited("30"), leiocitest.Status(http.StatusServiceUnavailable, ""), 0, 2},
		"the pause is too long":    {limited("3600"), absent, absent, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlaces(t)
				for host, fault := range map[string]leiocitest.Fault{"main.localhost": tc.main, "a.localhost": tc.a, "b.localhost": tc.b} {
					p.regs[host].On(http.MethodGet, "/manifests/", leiocitest.Always, fault)
				}
				begin := time.Now()
				s := p.source(func(c *registry.Config) { c.Retry.MaxRetryAfter = time.Minute })
				_, _, err := s.Manifest(t.Context(), p.repo.Tag("latest"), nil)
				if took := time.Since(begin); err == nil || took < tc.wait || tc.wait == 0 && took > time.Second {
					t.Errorf("after %v: %v", took, err)
				}
				if n := asked(p.regs["main.localhost"], "GET /v2/org/cache/manifests/"); n != tc.asked {
					t.Errorf("asked %d times, want %d", n, tc.asked)
				}
			})
		})
	}
}

func limited(retryAfter string) leiocitest.Fault {
	return leiocitest.RetryAfter(http.StatusTooManyRequests, retryAfter)
}

func absent(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN")(w, r, registry)
}
