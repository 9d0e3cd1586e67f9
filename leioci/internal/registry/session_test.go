package registry_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestOneChallengeServesAllThatIsReadOfARepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		challenges := 0
		protected := leiocitest.BasicAuth("bob", "secret", sampleHandler(t))
		reg := w.network.Serve("main.localhost", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				challenges++ // one at a time, if there is one
			}
			protected.ServeHTTP(w, r)
		}))
		repo := repository(t, "main.localhost")
		c := w.client(given("main.localhost"))
		source := c.Source(repo)
		var group sync.WaitGroup
		for name, do := range map[string]func() error{
			"Manifest": func() error { _, _, err := source.Manifest(t.Context(), repo.Tag("latest"), nil); return err },
			"Head":     func() error { _, _, err := source.Head(t.Context(), repo.Tag("latest")); return err },
			"Blob":     func() error { _, err := readBlob(t, source, sample(t)); return err },
			"Download": func() error { _, err := source.Download(t.Context(), sample(t), &partial{}); return err },
			"Tags":     func() error { _, err := c.Tags(t.Context(), repo); return err },
			"another":  func() error { _, err := readBlob(t, c.Source(repo), sample(t)); return err },
		} {
			group.Go(func() {
				if err := do(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		group.Wait()
		if n := pings(reg); challenges != 1 || n != 0 {
			t.Errorf("there were %d challenges, want 1, and %d pings", challenges, n)
		}
	})
}

func TestATokenIsGotOncePerRepositoryAndScope(t *testing.T) {
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "secret"}})
	reg := leiocitest.Serve(t, tokens.Protect(sampleHandler(t)))
	repo := repository(t, reg.Host())
	other := repo.Repo("org", "other")
	rt := http.DefaultTransport.(*http.Transport).Clone()
	defer rt.CloseIdleConnections()
	c := newWorld(t).client(func(c *registry.Config) {
		c.Transport, c.Auths = rt, map[string]authn.Authenticator{reg.Host(): &authn.Basic{Username: "bob", Password: "secret"}}
	})
	for range 3 {
		_, err := readBlob(t, c.Source(repo), sample(t))
		must(t, err)
		_, err = c.Destination(repo).HasBlob(t.Context(), sample(t).Digest, sample(t).Size)
		must(t, err)
		_, err = c.Destination(other).HasBlob(t.Context(), sample(t).Digest, sample(t).Size)
		must(t, err)
		_, _, err = c.Destination(other).Source().Head(t.Context(), other.Tag("latest"))
		must(t, err)
	}
	var scopes []string
	for _, r := range tokens.Requests() {
		scopes = append(scopes, r.Scopes...)
	}
	want := []string{"repository:org/cache:pull", "repository:org/cache:push,pull", "repository:org/other:push,pull"}
	if slices.Sort(scopes); !slices.Equal(scopes, want) {
		t.Errorf("tokens were asked for with the scopes %q, want %q", scopes, want)
	}
}

func TestAFirstRequestThatFailsIsTheErrorOfAllWhoWaitedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		c := w.client(once)
		release := make(chan struct{})
		reg.On(http.MethodGet, "/v2/", 1, held(release, leiocitest.Status(http.StatusServiceUnavailable, "")))
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				var response *transport.Error
				if _, err := c.Tags(t.Context(), repo); !errors.As(err, &response) || response.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait() // one asks, the others wait
		close(release)
		group.Wait()
		if n := len(reg.Requests()); n != 1 {
			t.Errorf("there were %d requests, want 1", n)
		}
		if _, err := c.Tags(t.Context(), repo); err != nil {
			t.Errorf("whoever comes later: %v", err)
		}
	})
}

// held is a fault that waits before it answers.
func held(release <-chan struct{}, fault leiocitest.Fault) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		<-release
		fault(w, r, registry)
	}
}

func TestTheEndOfOneCallersContextIsNotTheErrorOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		c := w.client(once)
		reg.On(http.MethodGet, "/v2/", 1, leiocitest.Hang(nil))
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.Tags(ctx, repo); first <- err }()
		synctest.Wait()
		go func() { _, err := c.Tags(t.Context(), repo); second <- err }()
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: got %v", err)
		}
		if err := <-second; err != nil {
			t.Errorf("the second: got %v", err)
		}
	})
}

func TestWhoWaitsForAFirstRequestLeavesWithTheCauseOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		c := w.client(once)
		release := make(chan struct{})
		reg.On(http.MethodGet, "/v2/", 1, held(release, func(w http.ResponseWriter, r *http.Request, registry http.Handler) { registry.ServeHTTP(w, r) }))
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.Tags(t.Context(), repo); first <- err }()
		synctest.Wait()
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { _, err := c.Tags(ctx, repo); second <- err }()
		synctest.Wait()
		cancel(cause)
		if err := <-second; !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
		close(release)
		if err := <-first; err != nil {
			t.Errorf("the first: got %v", err)
		}
	})
}
