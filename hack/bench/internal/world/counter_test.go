//go:build unix

package world

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func startCounter(t *testing.T, authentication bool) *Counter {
	t.Helper()
	upstream := httptest.NewServer(leiocitest.NewHandler())
	t.Cleanup(upstream.Close)
	c, err := StartCounter(t.Context(), strings.TrimPrefix(upstream.URL, "http://"), authentication)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func get(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
}

func TestEveryRequestIsCountedOnce(t *testing.T) {
	c := startCounter(t, false)
	for range 2 {
		get(t, "http://"+c.Host+"/v2/")
	}
	get(t, "http://"+c.Host+"/v2/a/manifests/none?x=y")
	want := []string{"GET /v2/", "GET /v2/", "GET /v2/a/manifests/none?x=y"}
	if got := c.Requests(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := c.Requests(); len(got) != 0 {
		t.Errorf("counted again: %q", got)
	}
}

func TestOnlyTheUserGetsThroughWithTokens(t *testing.T) {
	c := startCounter(t, true)
	ref, err := name.NewTag(c.Host + "/org/image:latest")
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	for password, allowed := range map[string]bool{Password: true, "wrong": false} {
		auth := remote.WithAuth(&authn.Basic{Username: User, Password: password})
		if err := remote.Write(ref, img, auth, remote.WithContext(t.Context())); (err == nil) != allowed {
			t.Errorf("with password %s: %v", password, err)
		}
	}
	if err := remote.Write(ref, img, remote.WithContext(t.Context())); err == nil {
		t.Error("pushed without credentials")
	}
	if seen := c.Requests(); !slices.ContainsFunc(seen, func(r string) bool { return strings.HasPrefix(r, "GET /token?") }) {
		t.Errorf("the requests for tokens are not counted: %q", seen)
	}
}

func TestATokenIsGoodForItsScopeOnly(t *testing.T) {
	tokens := newTokens("")
	tokens.scopes["t"] = []string{"repository:a/b:pull"}
	for _, tt := range []struct {
		token, repository string
		actions           []string
		want              bool
	}{
		{"t", "a/b", []string{"pull"}, true},
		{"t", "", []string{"pull"}, true},
		{"t", "a/b", []string{"pull", "push"}, false},
		{"t", "a", []string{"pull"}, false},
		{"u", "", []string{"pull"}, false},
		{"", "a/b", []string{"pull"}, false},
	} {
		if got := tokens.covers(tt.token, tt.repository, tt.actions); got != tt.want {
			t.Errorf("token %q for %v on %q: %v", tt.token, tt.actions, tt.repository, got)
		}
	}
}
