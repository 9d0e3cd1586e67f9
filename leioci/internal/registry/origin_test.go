package registry_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestARegistryOnThisMachineIsReachedOverHTTPSIfItRespondsToThat(t *testing.T) {
	secure := httptest.NewTLSServer(sampleHandler(t))
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	rt := secure.Client().Transport
	s := &schemes{https: rt.RoundTrip, http: rt.RoundTrip}
	c := newWorld(t).client(once, on(s))
	must(t, readAll(t, c, host))
	asked := slices.DeleteFunc(s.requests(), func(r string) bool { return r == "http "+getManifest }) // beside https
	if want := []string{"https " + getManifest, "https " + getBlob}; !slices.Equal(asked, want) {
		t.Errorf("it was asked %q", s.requests())
	}
}

func TestARegistryOnThisMachineIsTriedOverHTTPSOnceAtMost(t *testing.T) {
	reg := leiocitest.Serve(t, sampleHandler(t)) // it answers TLS with HTTP
	rt := http.DefaultTransport.(*http.Transport).Clone()
	defer rt.CloseIdleConnections()
	s := &schemes{https: rt.RoundTrip, http: rt.RoundTrip}
	w := newWorld(t)
	c := w.client(once, on(s))
	must(t, readAll(t, c, reg.Host()))
	_, err := c.Destination(repository(t, reg.Host())).HasBlob(t.Context(), sample(t).Digest, sample(t).Size) // to push
	must(t, err)
	other := repository(t, reg.Host()).Repo("org", "other")
	_, err = readBlob(t, c.Source(other), sample(t))
	must(t, err)
	if got := reg.Requests(); !slices.Equal(got[:3], []string{getManifest, getBlob, headBlob}) || len(got) != 4 || s.over("https") > 1 {
		t.Errorf("it was asked %q, and %d times over https", got, s.over("https"))
	}
	if w.log.String() != "" {
		t.Errorf("logged %s", &w.log)
	}
}

func TestARegistryOnThisMachineIsTriedOverHTTPSOnlyIfItDoesNotRespondAtOnceOverHTTP(t *testing.T) {
	const soon = 10 * time.Millisecond
	for name, tc := range map[string]struct {
		https, http server
		asked       []string
		after       time.Duration
	}{
		"it responds": {hangs, serves(sampleHandler(t)), []string{"http " + getManifest, "http " + getBlob}, 0},
		"it takes long": {
			hangs, afterASecond(serves(sampleHandler(t))),
			[]string{"http " + getManifest, "https " + getManifest, "http " + getBlob},
			2 * time.Second,
		},
		"it refuses": {
			serves(sampleHandler(t)), refuses,
			[]string{"http " + getManifest, "https " + getManifest, "https " + getBlob},
			0,
		},
		"it hangs": {
			serves(sampleHandler(t)), hangs,
			[]string{"http " + getManifest, "https " + getManifest, "https " + getBlob},
			soon,
		},
		"it expects https": {
			serves(sampleHandler(t)),
			serves(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })),
			[]string{"http " + getManifest, "https " + getManifest, "https " + getBlob},
			0,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &schemes{https: tc.https, http: tc.http}
			begin := time.Now()
			must(t, readAll(t, newWorld(t).client(once, on(s)), "main.localhost"))
			if took := time.Since(begin); took != tc.after || !slices.Equal(s.requests(), tc.asked) {
				t.Errorf("%s: after %v, it was asked %q", name, took, s.requests())
			}
		})
	}
}

func TestWhatDoesNotRespondOverHTTPSIsReachedOverHTTP(t *testing.T) {
	for name, tc := range map[string]struct {
		https server
		after time.Duration
	}{
		"it refuses":          {refuses, 0},
		"it hangs":            {hangs, 300 * time.Millisecond},
		"it takes long to do": {afterASecond(refuses), 300 * time.Millisecond},
	} {
		for _, host := range []string{"main.localhost", "127.0.0.1:5000", "[::1]:5000", "10.0.0.5"} {
			synctest.Test(t, func(t *testing.T) {
				s := &schemes{https: tc.https, http: serves(sampleHandler(t))}
				w := newWorld(t)
				begin := time.Now()
				must(t, readAll(t, w.client(once, on(s)), host))
				after, tries := tc.after, 1
				if host != "10.0.0.5" { // nobody can listen in, so both are tried at once
					after, tries = 0, s.over("https")
				}
				if took := time.Since(begin); took != after || s.over("https") != tries || tries > 1 || s.over("http") != 2 {
					t.Errorf("%s, %s: after %v, it was asked %q", name, host, took, s.requests())
				}
				if warned := strings.Contains(w.log.String(), "level=warning"); warned != (host == "10.0.0.5") {
					t.Errorf("%s, %s: logged %s", name, host, &w.log)
				}
			})
		}
	}
}

func TestWhatOnlyLooksLikeARegistryOverHTTPIsNotTakenForOne(t *testing.T) {
	status := func(status int) server {
		return serves(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	}
	for name, http := range map[string]server{
		"a port for https":     status(http.StatusBadRequest),
		"a gateway":            status(http.StatusBadGateway),
		"a redirect to https":  serves(http.RedirectHandler("https://10.0.0.5/", http.StatusPermanentRedirect)),
		"nothing":              refuses,
		"a port of that https": serves(http.RedirectHandler("https://10.0.0.5:443/", http.StatusFound)),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &schemes{https: afterASecond(serves(sampleHandler(t))), http: http}
			if err := readAll(t, newWorld(t).client(once, on(s)), "10.0.0.5"); err != nil || s.over("http") != 1 || s.over("https") != 2 {
				t.Errorf("%s: got %v; it was asked %q", name, err, s.requests())
			}
		})
	}
}

func TestTheErrorOfARegistryThatDoesNotRespondNamesBothRequests(t *testing.T) {
	s := &schemes{https: refuses, http: refuses}
	_, _, err := newWorld(t).client(once, on(s)).Source(repository(t, "10.0.0.5")).Head(t.Context(), repository(t, "10.0.0.5").Tag("latest"))
	const want = `Head "https://10.0.0.5/v2/org/cache/manifests/latest": connection refused; ` +
		`Head "http://10.0.0.5/v2/org/cache/manifests/latest": connection refused`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if last := registry.LastUnreached(err); last.Host != "10.0.0.5" || !last.Registry {
		t.Errorf("got %+v", last)
	}
}

func TestWhatWasReachedOverHTTPIsTriedOverHTTPSAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &schemes{https: refuses, http: serves(sampleHandler(t))}
		c := newWorld(t).client(once, on(s))
		must(t, readAll(t, c, "10.0.0.5"))
		for _, step := range []struct {
			after       time.Duration
			https, http int // in all
		}{{4 * time.Minute, 1, 3}, {2 * time.Minute, 2, 4}, {time.Minute, 2, 5}} {
			time.Sleep(step.after)
			_, err := c.Destination(repository(t, "10.0.0.5")).HasBlob(t.Context(), sample(t).Digest, sample(t).Size)
			must(t, err)
			if s.over("https") != step.https || s.over("http") != step.http {
				t.Errorf("after %v: it was asked %q", step.after, s.requests())
			}
		}
		s.https = serves(sampleHandler(t))
		time.Sleep(5*time.Minute + time.Second)
		before := s.over("http")
		must(t, readAll(t, c, "10.0.0.5"))
		if s.over("http") != before {
			t.Errorf("it was asked over http for longer: %q", s.requests())
		}
	})
}

func TestWhatWasReachedOverHTTPIsSentNoCredentials(t *testing.T) {
	for _, host := range []string{"10.0.0.5", "registry.example"} {
		var shown []string
		store := sampleHandler(t)
		s := &schemes{https: refuses, http: serves(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			shown = append(shown, r.Header.Get("Authorization")) // one request at a time
			store.ServeHTTP(w, r)
		}))}
		k := &late{}
		c := newWorld(t).client(once, on(s), func(c *registry.Config) { c.Keychain = k })
		repo, err := name.NewRepository(host+"/org/cache", name.Insecure)
		must(t, err)
		_, err = readBlob(t, c.Source(repo), sample(t))
		must(t, err)
		before := len(shown)
		k.loggedIn = true
		if _, err := c.Destination(repo).HasBlob(t.Context(), sample(t).Digest, sample(t).Size); !errors.Is(err, errdef.ErrInsecure) || len(shown) != before {
			t.Errorf("%s: got %v; it was shown %q", host, err, shown)
		}
	}
}

func TestARegistryThatUsesAnotherSchemeThanBeforeIsReachedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := sampleHandler(t)
		s := &schemes{https: serves(handler), http: refuses}
		c := newWorld(t).client(once, on(s))
		must(t, readAll(t, c, "main.localhost"))
		synctest.Wait() // a request over the other scheme may be under way
		s.https, s.http = refuses, serves(handler)
		other := repository(t, "main.localhost").Repo("org", "other")
		_, _ = readBlob(t, c.Source(other), sample(t)) // one request notices
		synctest.Wait()
		before := s.over("http")
		_, _ = readBlob(t, c.Source(other), sample(t)) // it is not there
		if s.over("http") != before+1 {
			t.Errorf("it was asked %q", s.requests())
		}
	})
}

func TestACallersTransportWithoutContextsIsNotWaitedForOverHTTPS(t *testing.T) {
	for name, plain := range map[string]server{"at once": serves(sampleHandler(t)), "after a second": afterASecond(serves(sampleHandler(t)))} {
		synctest.Test(t, func(t *testing.T) {
			done := make(chan struct{})
			defer close(done)
			s := &schemes{http: plain, https: func(*http.Request) (*http.Response, error) {
				<-done
				return nil, errors.New("at last")
			}}
			c := newWorld(t).client(once, on(s), func(c *registry.Config) { c.Keychain = authn.NewMultiKeychain() })
			begin := time.Now()
			must(t, readAll(t, c, "main.localhost"))
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
		})
	}
}

func TestIfHTTPSFailsARedirectToItAndTheWordsOfItsPortAreNoRegistry(t *testing.T) {
	status := func(status int) server {
		return serves(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	}
	certificate := func(*http.Request) (*http.Response, error) {
		return nil, &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	}
	for name, tc := range map[string]struct {
		https, http server
		says        string
	}{
		"a redirect to https":     {refuses, serves(http.RedirectHandler("https://10.0.0.5/", http.StatusFound)), "connection refused; "},
		"a wrong certificate":     {certificate, status(http.StatusBadRequest), "unknown authority; "},
		"an answer of a registry": {refuses, status(http.StatusBadRequest), ""},
	} {
		s := &schemes{https: tc.https, http: tc.http}
		err := readAll(t, newWorld(t).client(once, on(s)), "10.0.0.5")
		if err == nil || !strings.Contains(err.Error(), tc.says) || tc.says == "" && strings.Contains(err.Error(), "https") || s.over("http") != 1 {
			t.Errorf("%s: got %v; it was asked %q", name, err, s.requests())
		}
	}
}
