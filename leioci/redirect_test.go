package leioci_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestARedirectLoopEnds(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	loop := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	_, err := newClient(t).PullBlob(t.Context(), repository(t, reg).Digest(sampleCache))
	if err == nil || !strings.Contains(err.Error(), "10 redirects") || loop.Hits() != 10 {
		t.Errorf("got %v after %d requests", err, loop.Hits())
	}
}

func TestABlobAskedForOverHTTPSIsNotTakenOverHTTP(t *testing.T) {
	plain := leiocitest.NewRegistry(t)
	pushSample(t, newClient(t), repository(t, plain), "latest")
	before := len(plain.Requests())
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "http://"+plain.Host()+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	defer secure.Close()
	// The host is not a loopback name, for which go-containerregistry would try http by itself.
	transport := secure.Client().Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs, ServerName: "example.com"}
	transport.DialContext = dialer(secure.Listener.Addr().String())
	repo, err := leioci.ParseRepository("registry.example/org/lei-cache")
	if err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t, leioci.WithTransport(transport)).PullBlob(t.Context(), repo.Digest(sampleCache))
	if err == nil || !strings.Contains(err.Error(), "from https to http") || len(plain.Requests()) != before {
		t.Errorf("got %v", err)
	}
}

func TestAnErrorDoesNotShowASignedURL(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"no answer": leiocitest.Cut(),
		"forbidden": leiocitest.Status(http.StatusForbidden, "DENIED"),
	} {
		t.Run(name, func(t *testing.T) { testSignedURL(t, fault) })
	}
}

// testSignedURL makes a registry redirect everything to a failing storage, with a credential in the
// query.
func testSignedURL(t *testing.T, fault leiocitest.Fault) {
	reg := leiocitest.NewRegistry(t)
	storage := leiocitest.Serve(t, http.NotFoundHandler())
	broken := storage.On("", "", leiocitest.Always, fault)
	reg.On(http.MethodPost, "", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Location", "http://"+storage.Host()+"/storage?_state=s3cret")
		w.WriteHeader(http.StatusAccepted)
	})
	reg.On(http.MethodGet, "/org/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, "http://"+storage.Host()+"/storage?X-Amz-Signature=s3cret", http.StatusTemporaryRedirect)
	})
	c, repo := newClient(t), repository(t, reg)
	manifest, blobs := sample(t)
	_, blob := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	_, pull := c.PullManifest(t.Context(), repo.Tag("latest"))
	_, tags := c.Tags(t.Context(), repo)
	_, push := c.Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
	for _, err := range []error{blob, pull, tags, push} {
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	}
	if broken.Hits() < 3 {
		t.Errorf("the storage was asked %d times", broken.Hits())
	}
}

func TestAPutThatIsRedirectedToALoginPageIsNoSuccess(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther} {
		for _, step := range []string{"POST /blobs/uploads/", "PUT /blobs/uploads/", "PUT /manifests/"} {
			reg := leiocitest.NewRegistry(t)
			method, path, _ := strings.Cut(step, " ")
			fault := reg.On(method, path, leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				http.Redirect(w, r, "/login", status)
			})
			reg.On("", "/login", leiocitest.Always, leiocitest.Status(http.StatusOK, ""))
			manifest, blobs := sample(t)
			_, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"2026-02-08", "latest"}, manifest, blobs)
			var push *leioci.PushError
			if !errors.As(err, &push) || len(push.Pushed) > 0 || push.Failed[0].Unknown || fault.Hits() == 0 {
				t.Errorf("%s %d: got %v", step, status, err)
			}
			if n := requestCount(reg, "GET /login"); n > 0 {
				t.Errorf("%s %d: the redirect was followed", step, status)
			}
		}
	}
}

func TestNoRedirectTakesCredentialsFromHTTPSToHTTP(t *testing.T) {
	for path, to := range map[string]string{
		"/v2/":                               "http://registry.example/v2/",
		"/v2/org/lei-cache/manifests/latest": "http://storage.example/latest",
	} {
		var mu sync.Mutex
		var plain []string
		everything := roundTripper(func(req *http.Request) (*http.Response, error) {
			header, status := http.Header{}, http.StatusNotFound
			switch {
			case req.URL.Scheme == "http":
				mu.Lock()
				plain = append(plain, req.URL.String())
				mu.Unlock()
			case req.URL.Path == path:
				header.Set("Location", to)
				status = http.StatusFound
			case req.URL.Path == "/v2/":
				header.Set("WWW-Authenticate", `Basic realm="registry"`)
				status = http.StatusUnauthorized
			}
			return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: req}, nil
		})
		c, err := leioci.New(leioci.WithTransport(everything), leioci.WithToken("registry.example", "s3cret"))
		if err != nil {
			t.Fatal(err)
		}
		ref, err := leioci.ParseReference("registry.example/org/lei-cache:latest")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.PullManifest(t.Context(), ref)
		mu.Lock()
		if err == nil || !strings.Contains(err.Error(), "from https to http") || len(plain) > 0 {
			t.Errorf("%s: got %v, and %q was asked", path, err, plain)
		}
		mu.Unlock()
	}
}

func TestBlobsAreAskedForAsTheyAreStored(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	encodings := make(chan string, 10)
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		encodings <- r.Header.Get("Accept-Encoding")
		registry.ServeHTTP(w, r)
	})
	rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	// net/http would request gzip and silently decompress it: the bytes would not match the digest.
	if first := <-encodings; first != "identity" || len(encodings) > 0 {
		t.Errorf("got %q, and %d more", first, len(encodings))
	}
}

func TestAnErrorOfTheHandshakeShowsNoSecret(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"a redirect of the ping": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "/dead?sig=s3cret", http.StatusFound)
		},
		"a redirect to no URL": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Location", "http://storage/%zz?sig=s3cret")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"a redirect of the token server": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			challenge(w, r, "/redirected")
		},
		"a token server without a token": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			challenge(w, r, "/tokenless")
		},
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On("", "/dead", leiocitest.Always, leiocitest.Cut())
		reg.On("", "/redirected", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "/dead?sig=s3cret", http.StatusFound)
		})
		reg.On("", "/tokenless", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = io.WriteString(w, "{\"refresh_token\":\n\"s3cret\"}")
		})
		hit := reg.On("", "/v2/", leiocitest.Always, fault)
		_, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if err == nil || strings.Contains(err.Error(), "s3cret") || hit.Hits() == 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// challenge sends a client to the token server at path.
func challenge(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+path+`",service="lei"`)
	w.WriteHeader(http.StatusUnauthorized)
}
