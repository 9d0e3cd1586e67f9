package leioci_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// credentialKinds are all the kinds of credentials, each with a secret that can be found.
func credentialKinds() map[string]authn.Authenticator {
	return map[string]authn.Authenticator{
		"a password":        &authn.Basic{Username: "user", Password: secretPassword},
		"a token":           &authn.Bearer{Token: secretToken},
		"an identity token": authn.FromConfig(authn.AuthConfig{IdentityToken: secretIdentity}),
	}
}

func TestWhatARegistrySaysOverHTTPLeadsToNoCredentials(t *testing.T) {
	for saying, inTheMiddle := range map[string]http.Handler{
		"tokens are elsewhere":     challenging(`Bearer realm="https://attacker.example/token",service="lei"`),
		"passwords are wanted":     challenging(`Basic realm="registry"`),
		"nothing is wanted":        leiocitest.NewHandler(),
		"the registry has moved":   http.RedirectHandler("https://attacker.example/v2/", http.StatusTemporaryRedirect),
		"only /v2/ has moved here": http.RedirectHandler("https://attacker.example/other", http.StatusMovedPermanently),
	} {
		for _, host := range []string{"10.0.0.5", "192.168.1.2:5000", "registry.example"} {
			for kind, auth := range credentialKinds() {
				for how, with := range map[string]leioci.Option{
					"given": leioci.WithAuth(host, auth), "stored": leioci.WithKeychain(keychain{auth}),
				} {
					w := &web{servers: map[string]http.Handler{
						"http://" + host:           inTheMiddle,
						"https://attacker.example": issuing("t"),
					}}
					var log testenv.LogBuffer
					_, err := w.client(t, &log, with).PullManifest(t.Context(), insecure(t, host).Tag("latest"))
					if !errors.Is(err, leioci.ErrInsecure) {
						t.Errorf("%s, %s, %s, %s: got %v", saying, host, kind, how, err)
					}
					if sent := w.sentTo(); len(sent) != 0 {
						t.Errorf("%s, %s, %s, %s: sent %q", saying, host, kind, how, sent)
					}
					assertNoSecret(t, &log, err)
				}
			}
		}
	}
}

func TestARegistryOverHTTPThatWantsATokenGetsNone(t *testing.T) {
	w := &web{servers: map[string]http.Handler{
		"http://10.0.0.5":      challenging(`Bearer realm="https://auth.example/token"`),
		"https://auth.example": issuing("t"),
	}}
	var log testenv.LogBuffer
	_, err := w.client(t, &log, leioci.WithKeychain(authn.NewMultiKeychain())).PullManifest(t.Context(), testRepository(t, "10.0.0.5").Tag("latest"))
	if sent := w.sentTo(); !errors.Is(err, leioci.ErrInsecure) || len(sent["https://auth.example"]) != 0 {
		t.Errorf("got %v, sent %q", err, sent)
	}
}

func TestAnonymousAccessOverHTTPIsWarnedOfOrRefused(t *testing.T) {
	store := leiocitest.NewHandler()
	w := &web{servers: map[string]http.Handler{"http://10.0.0.5": store}}
	var log testenv.LogBuffer
	anonymous := leioci.WithKeychain(authn.NewMultiKeychain())
	pushSample(t, w.client(t, &log, anonymous), testRepository(t, "10.0.0.5"), "latest")
	if !strings.Contains(log.String(), "level=warning msg=\"10.0.0.5 does not respond over https") {
		t.Errorf("no warning:\n%s", log.String())
	}
	asked := w.asked("http://10.0.0.5")
	_, err := w.client(t, &log, anonymous, leioci.WithHTTPSOnly()).PullManifest(t.Context(), testRepository(t, "10.0.0.5").Tag("latest"))
	if err == nil || !strings.Contains(err.Error(), `Get "https://10.0.0.5/v2/org/lei-cache/manifests/latest": connection refused`) || strings.Contains(err.Error(), `"http://`) {
		t.Errorf("got %v", err)
	}
	if w.asked("http://10.0.0.5") != asked {
		t.Error("it was asked over http")
	}
}

func TestHTTPSOnlyAndTLSMeanHTTPSOnALoopbackAddressToo(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	for name, opt := range map[string]leioci.Option{"WithTLS": leioci.WithTLS(leioci.TLS{}), "WithHTTPSOnly": leioci.WithHTTPSOnly()} {
		c, err := leioci.New(opt, once(), leioci.WithToken(reg.Host(), secretToken))
		must(t, err)
		t.Cleanup(c.CloseIdleConnections)
		if _, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest")); err == nil || len(reg.Requests()) > 0 {
			t.Errorf("%s: got %v; the registry was asked %q", name, err, reg.Requests())
		}
	}
	c, err := leioci.New(once(), leioci.WithTLS(leioci.TLS{}), leioci.WithPlainHTTP(reg.Host()))
	must(t, err)
	t.Cleanup(c.CloseIdleConnections)
	pushSample(t, c, repository(t, reg), "latest") // the two can be combined, for different registries
	if _, err := leioci.New(leioci.WithPlainHTTP("a.example"), leioci.WithHTTPSOnly()); err == nil {
		t.Error("WithHTTPSOnly and WithPlainHTTP were combined")
	}
}

func TestAnotherHostsChallengeGetsNoCredentials(t *testing.T) {
	for kind, auth := range credentialKinds() {
		store := leiocitest.NewHandler()
		w := &web{}
		w.servers = map[string]http.Handler{
			"https://registry.example": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					http.Redirect(rw, r, "https://other.example/v2/", http.StatusTemporaryRedirect)
					return
				}
				if _, password, _ := r.BasicAuth(); password != secretPassword && r.Header.Get("Authorization") != "Bearer "+secretToken {
					challenging(`Basic realm="registry"`)(rw, r)
					return
				}
				store.ServeHTTP(rw, r)
			}),
			"https://other.example":    challenging(`Bearer realm="https://attacker.example/token",service="lei"`),
			"https://attacker.example": issuing("t"),
		}
		var log testenv.LogBuffer
		c, repo := w.client(t, &log, leioci.WithAuth("registry.example", auth)), testRepository(t, "registry.example")
		manifest, blobs := sample(t)
		_, err := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
		if kind == "an identity token" { // the registry has no use for it
			if !errors.Is(err, leioci.ErrUnauthorized) {
				t.Errorf("%s: got %v", kind, err)
			}
		} else if err != nil {
			t.Errorf("%s: got %v", kind, err)
		}
		if sent := w.secretsSent("https://other.example") + w.secretsSent("https://attacker.example"); sent != "" {
			t.Errorf("%s: sent %q", kind, sent)
		}
		assertNoSecret(t, &log, err)
	}
}

func TestATokenServerOverHTTPIsRefused(t *testing.T) {
	for _, realm := range []string{"http://auth.example/token", "HTTP://auth.example/token", "http://registry.example/token"} {
		for kind, auth := range credentialKinds() {
			if kind == "a token" {
				continue // it is not for a token server
			}
			// In a bubble, https is never so slow that http is tried, too.
			synctest.Test(t, func(t *testing.T) {
				w := &web{servers: map[string]http.Handler{
					"https://registry.example": challenging(`Bearer realm="` + realm + `"`),
					"http://auth.example":      issuing("t"),
					"http://registry.example":  issuing("t"),
				}}
				var log testenv.LogBuffer
				_, err := w.client(t, &log, leioci.WithAuth("registry.example", auth)).Tags(t.Context(), testRepository(t, "registry.example"))
				if sent := w.sentTo(); !errors.Is(err, leioci.ErrInsecure) || len(sent) > 1 {
					t.Errorf("%s, %s: got %v, sent %q", realm, kind, err, sent)
				}
				assertNoSecret(t, &log, err)
			})
		}
	}
}

func TestATokenServerOnAnotherHostIsUsual(t *testing.T) {
	w := &web{}
	w.servers = map[string]http.Handler{
		"https://registry.example": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+secretToken {
				challenging(`Bearer realm="https://auth.example/token"`)(rw, r)
				return
			}
			_, _ = rw.Write([]byte(`{"name":"org/lei-cache","tags":["latest"]}`))
		}),
		"https://auth.example": issuing(secretToken),
	}
	var log testenv.LogBuffer
	_, err := w.client(t, &log, leioci.WithAuth("registry.example", credentialKinds()["a password"])).Tags(t.Context(), testRepository(t, "registry.example"))
	must(t, err)
	assertNoSecret(t, &log, err)
}

func TestARegistryIsReachedOverHTTPWhereItsFirstResponseLeadsToAnotherHost(t *testing.T) {
	for _, host := range []string{"10.0.0.5", "localhost:5000"} {
		registry := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				http.Redirect(w, r, "https://login.example/", http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(`{"tags":["latest"]}`))
		}
		c := newClient(t, leioci.WithTransport(&web{servers: map[string]http.Handler{
			"http://" + host:        http.HandlerFunc(registry),
			"https://login.example": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		}}), leioci.WithKeychain(authn.NewMultiKeychain()))
		repo, err := leioci.ParseRepository(host + "/org/lei-cache")
		must(t, err)
		if tags, err := c.Tags(t.Context(), repo); err != nil || len(tags) != 1 {
			t.Errorf("%s: got %v, %v", host, tags, err)
		}
	}
}
