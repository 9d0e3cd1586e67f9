package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestOneCallersContextDoesNotFailAnother(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, newClient(t), repo, "latest")
	reached := make(chan struct{}, 8)
	ping := reg.On(http.MethodGet, "/v2/", 1, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { _, err := c.PullManifest(ctx, repo.Tag("latest")); first <- err }()
	<-reached
	go func() { _, err := c.PullManifest(t.Context(), repo.Tag("latest")); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || ping.Hits() != 1 {
		t.Errorf("the first: got %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second: got %v", err)
	}
}

func TestWaitingForAnothersFirstRequestEndsWithTheContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	reached := make(chan struct{}, 8)
	reg.On(http.MethodGet, "/v2/", leiocitest.Always, leiocitest.Hang(reached))
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := c.PullManifest(ctx, repo.Tag("latest")); first <- err }()
	<-reached
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.PullManifest(ended, repo.Tag("latest")); !errors.Is(err, context.Canceled) {
		t.Errorf("the second: got %v", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: got %v", err)
	}
}

func TestAFirstRequestThatFailsIsTheAnswerForAllWhoWaitedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		hung := w.registry.On(http.MethodGet, "/v2/", leiocitest.Always, leiocitest.Hang(nil))
		start := time.Now()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if _, err := w.client.PullManifest(t.Context(), w.repo.Tag("latest")); !errors.Is(err, leioci.ErrStalled) {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took > 2*time.Minute || hung.Hits() != 3 {
			t.Errorf("it took %v and %d tries, want three tries", took, hung.Hits())
		}
		hung.Stop()
		if _, err := w.client.PullManifest(t.Context(), w.repo.Tag("absent")); !errors.Is(err, leioci.ErrNotFound) {
			t.Errorf("afterwards: got %v", err)
		}
	})
}

func TestWaitingForAKeychainEndsWithTheContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	asked, release := make(chan struct{}), make(chan struct{})
	c := newClient(t, leioci.WithKeychain(slowKeychain{asked, release}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := c.PullManifest(ctx, repository(t, reg).Tag("latest")); done <- err }()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
}

// slowKeychain signals each lookup and returns when released. It ignores contexts.
type slowKeychain struct{ asked, release chan struct{} }

func (k slowKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	close(k.asked)
	<-k.release
	return authn.Anonymous, nil
}

func TestOneChallengeServesAll(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", secretPassword, leiocitest.NewHandler()))
	bob := leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: secretPassword})
	c, repo := newClient(t, bob), repository(t, reg)
	pushSample(t, newClient(t, bob), repo, "latest")
	before := len(reg.Requests())
	for range 3 {
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(reg.Requests()) - before; n != 1+3*4 || pings(reg) != 0 {
		t.Errorf("there were %d requests, want one challenge and twelve others, and %d pings", n, pings(reg))
	}
}

// pings counts the requests that only ask what is required.
func pings(reg *leiocitest.Registry) int {
	n := 0
	for _, r := range reg.Requests() {
		if r == "GET /v2/" {
			n++
		}
	}
	return n
}
