package leioci_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// spelledRepository returns a repository whose registry is spelled in some way.
func spelledRepository(t *testing.T, host string) name.Repository {
	t.Helper()
	reg, err := name.NewRegistry(host)
	must(t, err)
	return reg.Repo("org/lei-cache")
}

func TestARegistryIsOneHoweverItIsSpelled(t *testing.T) {
	for _, spellings := range [][]string{
		{"registry.example", "REGISTRY.example", "registry.example:443", "Registry.Example:443", "registry.example:0443"},
		{"registry.example:5000", "Registry.Example:5000"},
		{"[2001:db8::1]", "[2001:DB8:0::1]:443", "[2001:db8:0:0:0:0:0:1]"},
	} {
		for _, configured := range spellings {
			store := leiocitest.NewHandler()
			canonical := spellings[0]
			w := &web{servers: map[string]http.Handler{"https://" + canonical: leiocitest.BasicAuth("bob", secretPassword, store)}}
			var log bytes.Buffer
			c := w.client(t, &log, leioci.WithAuth(configured, &authn.Basic{Username: "bob", Password: secretPassword}))
			for _, used := range spellings {
				manifest, blobs := sample(t)
				if _, err := c.Push(t.Context(), spelledRepository(t, used), []string{"latest"}, manifest, blobs); err != nil {
					t.Errorf("configured %s, used %s: %v", configured, used, err)
				}
				if _, err := c.Tags(t.Context(), spelledRepository(t, used)); err != nil {
					t.Errorf("configured %s, used %s: %v", configured, used, err)
				}
			}
			if n := strings.Count(log.String(), "status=401"); n != 2 || strings.Contains(log.String(), `/v2/"`) { // to push, and to pull
				t.Errorf("%s: %d challenges:\n%s", configured, n, log.String())
			}
		}
	}
}

func TestCredentialsGivenTwiceAreAnErrorHoweverTheRegistryIsSpelled(t *testing.T) {
	for _, again := range []string{"ghcr.io", "GHCR.IO", "ghcr.io:443"} {
		if _, err := leioci.New(leioci.WithToken("ghcr.io", "a"), leioci.WithToken(again, "b")); err == nil || !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("%s: got %v", again, err)
		}
	}
	if _, err := leioci.New(leioci.WithToken("ghcr.io", "a"), leioci.WithToken("ghcr.io:80", "b"), leioci.WithToken("ghcr.io:8443", "c")); err != nil {
		t.Errorf("other ports: %v", err)
	}
}

func TestPlainHTTPIsForARegistryHoweverItIsSpelled(t *testing.T) {
	spellings := []string{"registry.example", "Registry.EXAMPLE", "registry.example:80"}
	for _, configured := range spellings {
		for _, used := range spellings {
			w := &web{servers: map[string]http.Handler{"http://registry.example": leiocitest.BasicAuth("bob", secretPassword, leiocitest.NewHandler())}}
			var log bytes.Buffer
			c := w.client(t, &log, leioci.WithPlainHTTP(configured), leioci.WithAuth(used, &authn.Basic{Username: "bob", Password: secretPassword}))
			manifest, blobs := sample(t)
			if _, err := c.Push(t.Context(), spelledRepository(t, used), []string{"latest"}, manifest, blobs); err != nil {
				t.Errorf("configured %s, used %s: %v", configured, used, err)
			}
		}
	}
}

func TestAMirrorIsFoundHoweverTheRegistryIsSpelled(t *testing.T) {
	store := leiocitest.NewHandler()
	w := &web{servers: map[string]http.Handler{"https://mirror.example": store}} // the original is down
	var log bytes.Buffer
	pushSample(t, w.client(t, &log), spelledRepository(t, "mirror.example"), "latest")
	for _, of := range []string{"registry.example", "REGISTRY.example", "registry.example:443"} {
		c := w.client(t, &log, leioci.WithMirrors(leioci.Mirror{Of: spelledRepository(t, of), At: spelledRepository(t, "mirror.example")}))
		if _, err := c.PullManifest(t.Context(), spelledRepository(t, "registry.example").Tag("latest")); err != nil {
			t.Errorf("%s: %v", of, err)
		}
	}
	if _, err := leioci.New(leioci.WithMirrors(leioci.Mirror{Of: spelledRepository(t, "ghcr.io"), At: spelledRepository(t, "GHCR.IO:443")})); err == nil {
		t.Error("a repository mirrors itself")
	}
}

func TestAClientForgetsTheSessionsThatItHasNotUsedForLong(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", secretPassword, leiocitest.NewHandler()))
	c := newClient(t, leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: secretPassword}))
	ask := func(i int) (challenges int) {
		before := len(reg.Requests())
		_, _ = c.Tags(t.Context(), testRepositoryAt(t, reg, fmt.Sprintf("org/%d", i))) // it need not exist
		return len(reg.Requests()) - before - 1
	}
	for i := range 300 {
		ask(i)
	}
	if ask(299) != 0 {
		t.Error("the latest session was forgotten")
	}
	if ask(0) != 1 {
		t.Error("300 sessions are kept")
	}
}
