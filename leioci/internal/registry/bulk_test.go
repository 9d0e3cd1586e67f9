package registry_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A secure registry responds over https, and notes the protocols of its requests.
type secure struct {
	*httptest.Server
	repo name.Repository

	mu        sync.Mutex
	protocols []string // "GET a blob over HTTP/1.1"
}

// serveTLS starts one that speaks these protocols, as ALPN names them.
func serveTLS(t *testing.T, edit func(*tls.Config), protocols ...string) *secure {
	t.Helper()
	handler := leiocitest.NewHandler()
	s := &secure{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		what := "something"
		for part, name := range map[string]string{"/manifests/": "a manifest", "/blobs/uploads/": "an upload", "/blobs/sha256:": "a blob"} {
			if strings.Contains(r.URL.Path, part) {
				what = name
			}
		}
		s.protocols = append(s.protocols, fmt.Sprintf("%s %s over %s", r.Method, what, r.Proto))
		s.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if edit != nil {
		edit(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	s.repo = repository(t, s.Listener.Addr().String())
	return s
}

// client returns a client with the transports of a command.
func (s *secure) client(t *testing.T, edits ...func(*registry.Config)) *registry.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	c := newWorld(t).client(append([]func(*registry.Config){once, func(c *registry.Config) {
		c.Transport, c.HTTP1, c.MaxBlobBytes = registry.NewTransport(config, nil), registry.NewHTTP1Transport(config, nil), 1<<30
	}}, edits...)...)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// saw reports whether all requests for something used a protocol, and there were some.
func (s *secure) saw(t *testing.T, what, protocol string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.protocols {
		if strings.HasPrefix(p, what+" over ") {
			n++
			if p != what+" over "+protocol {
				t.Errorf("got %s", p)
			}
		}
	}
	if n == 0 {
		t.Errorf("no %s in %q", what, s.protocols)
	}
}

// transfer uploads a blob of a size, and reads it again.
func transfer(t *testing.T, c *registry.Client, repo name.Repository, size int64) {
	t.Helper()
	content := make([]byte, size)
	_, _ = rand.Read(content)
	digest, _, err := v1.SHA256(bytes.NewReader(content))
	must(t, err)
	to := c.Destination(repo)
	_, err = to.Upload(t.Context(), static.NewLayer(content, "application/octet-stream"), digest)
	must(t, err)
	r, err := c.Source(repo).Blob(t.Context(), v1.Descriptor{Digest: digest, Size: size})
	must(t, err)
	got, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if !bytes.Equal(got, content) {
		t.Error("got other content")
	}
}

const (
	small = 64 << 10
	large = 5 << 20
)

func TestLargeBodiesOverHTTPSUseHTTP1(t *testing.T) {
	for size, want := range map[int64]string{small: "HTTP/2.0", large: "HTTP/1.1"} {
		s := serveTLS(t, nil, "h2", "http/1.1")
		transfer(t, s.client(t), s.repo, size)
		s.saw(t, "POST an upload", "HTTP/2.0")
		s.saw(t, "PUT an upload", want)
		s.saw(t, "GET a blob", want)
	}
}

func TestAServerWithoutHTTP2NeedsNoFurtherConnection(t *testing.T) {
	s := serveTLS(t, nil, "http/1.1")
	var apart *schemes
	c := s.client(t, func(c *registry.Config) {
		apart = &schemes{https: c.HTTP1.RoundTrip} // its connections would be others
		c.HTTP1 = apart
	})
	transfer(t, c, s.repo, large)
	s.saw(t, "GET a blob", "HTTP/1.1")
	if asked := apart.requests(); len(asked) != 0 {
		t.Errorf("on further connections, it was asked %q", asked)
	}
}

func TestAServerWithoutHTTP1IsUsedAllTheSame(t *testing.T) {
	var refused atomic.Int64
	s := serveTLS(t, func(config *tls.Config) {
		other := config.Clone()
		other.NextProtos = []string{"acme"} // none of the client's, which ends a handshake
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			for _, p := range hello.SupportedProtos {
				if p == "h2" {
					return nil, nil
				}
			}
			refused.Add(1)
			other.Certificates = config.Certificates
			return other, nil
		}
	}, "h2")
	transfer(t, s.client(t), s.repo, large)
	s.saw(t, "PUT an upload", "HTTP/2.0")
	s.saw(t, "GET a blob", "HTTP/2.0")
	if refused.Load() == 0 {
		t.Error("HTTP/1.1 was not tried")
	}
}

func TestAServerWithoutHTTP1NeedNotSaySo(t *testing.T) {
	for name, says := range map[string]string{
		"it says so in HTTP/2": "\x00\x00\x00\x04\x00\x00\x00\x00\x00", // an empty SETTINGS (RFC 9113, section 6.5)
		"it hangs up":          "",
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTLS(t, nil, "h2", "http/1.1") // so that the handshake ends well
			served := s.Config.Handler
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 {
					served.ServeHTTP(w, r)
					return
				}
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					panic(err)
				}
				_, _ = io.WriteString(conn, says)
				_ = conn.Close()
			})
			content := strings.Repeat("x", large)
			digest, _, err := v1.SHA256(strings.NewReader(content))
			must(t, err)
			say(t, served, "POST", "/v2/org/cache/blobs/uploads/?digest="+digest.String(), "application/octet-stream", content)
			c := s.client(t)
			for range 2 {
				part := &partial{}
				_, err = c.Source(s.repo).Download(t.Context(), v1.Descriptor{Digest: digest, Size: large}, part)
				if err != nil || part.holds() != content {
					t.Errorf("got %d bytes, %v", len(part.holds()), err)
				}
			}
			to := c.Destination(s.repo)
			other := static.NewLayer(make([]byte, large), "application/octet-stream")
			digest, err = other.Digest()
			must(t, err)
			_, err = to.Upload(t.Context(), other, digest)
			must(t, err)
			s.saw(t, "GET a blob", "HTTP/2.0")
		})
	}
}

func TestAServerThatOnlySeemsToSpeakHTTP1IsUsedAllTheSame(t *testing.T) {
	status := func(code int) server {
		return serves(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	}
	for name, tc := range map[string]struct {
		http1 server
		once  bool // it is not even tried again
	}{
		"closes":                {func(*http.Request) (*http.Response, error) { return nil, io.EOF }, false},
		"requires an upgrade":   {status(http.StatusUpgradeRequired), true},
		"lacks the old version": {status(http.StatusHTTPVersionNotSupported), true},
	} {
		s := serveTLS(t, nil, "h2", "http/1.1")
		old := &schemes{https: tc.http1}
		c := newWorld(t).client(func(c *registry.Config) {
			c.Transport, c.HTTP1, c.MaxBlobBytes = s.Client().Transport, old, 1<<30
			if tc.once {
				c.Retry.Attempts = 1
			}
		})
		transfer(t, c, s.repo, large)
		s.saw(t, "PUT an upload", "HTTP/2.0")
		s.saw(t, "GET a blob", "HTTP/2.0")
		if tried := old.over("https"); tried != 1 {
			t.Errorf("%s: HTTP/1.1 was tried %d times", name, tried)
		}
	}
}

func TestAServerThatIsSilentOverHTTP1IsUsedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := &schemes{https: hangs}
		usual := &schemes{https: overHTTP2(serves(leiocitest.NewHandler()))}
		c := newWorld(t).client(func(c *registry.Config) { c.Transport, c.HTTP1, c.MaxBlobBytes = usual, old, 1<<30 })
		transfer(t, c, repository(t, "registry.example"), large)
		if tried := old.over("https"); tried != 1 {
			t.Errorf("HTTP/1.1 was tried %d times", tried)
		}
	})
}

// overHTTP2 answers as if that were over HTTP/2.
func overHTTP2(s server) server {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := s(req)
		if err == nil {
			resp.ProtoMajor, resp.ProtoMinor = 2, 0
		}
		return resp, err
	}
}

func TestAServerThatIsAwayForAMomentGoesOnWithHTTP1(t *testing.T) {
	s := serveTLS(t, nil, "h2", "http/1.1")
	rt := s.Client().Transport.(*http.Transport).Clone()
	defer rt.CloseIdleConnections()
	rt.TLSClientConfig.NextProtos, rt.ForceAttemptHTTP2 = []string{"http/1.1"}, false
	answers := 0
	old := &schemes{https: func(req *http.Request) (*http.Response, error) {
		if answers++; answers == 2 { // after it has answered once
			return nil, io.EOF
		}
		return rt.RoundTrip(req)
	}}
	c := newWorld(t).client(func(c *registry.Config) {
		c.Transport, c.HTTP1, c.MaxBlobBytes = s.Client().Transport, old, 1<<30
	})
	transfer(t, c, s.repo, large)
	s.saw(t, "PUT an upload", "HTTP/1.1")
	s.saw(t, "GET a blob", "HTTP/1.1")
	if answers != 3 {
		t.Errorf("HTTP/1.1 was tried %d times", answers)
	}
}
