package leioci_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// fast is the default policy with short delays, for tests that run in real time.
func fast() leioci.Option {
	return leioci.WithRetry(leioci.RetryPolicy{MinDelay: time.Nanosecond, MaxDelay: time.Nanosecond})
}

func TestALargeBlobComesThroughALinkThatResetsEveryMebibyte(t *testing.T) {
	const size, every = 64 << 20, 1 << 20
	reg := leiocitest.NewRegistry(t)
	bodies := &bodies{base: http.DefaultTransport.(*http.Transport).Clone()}
	defer bodies.base.(*http.Transport).CloseIdleConnections()
	c, repo := newClient(t, fast(), leioci.WithTransport(bodies)), repository(t, reg)
	digest := pushBytes(t, c, reg, bytes.Repeat([]byte("0123456789abcdef"), size/16))
	cut := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Truncate(every))
	rc, err := c.PullBlob(t.Context(), repo.Digest(digest))
	must(t, err)
	defer rc.Close()
	n, err := io.Copy(io.Discard, rc)
	if n != size || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
	if read := bodies.longest.Load(); read > size*105/100 {
		t.Errorf("%d bytes were read for %d", read, size)
	}
	if hits := cut.Hits(); hits < size/every {
		t.Errorf("the link was reset %d times", hits)
	}
}

// pushBytes pushes an artifact whose only layer is data, and returns its digest.
func pushBytes(t *testing.T, c *leioci.Client, reg *leiocitest.Registry, data []byte) string {
	t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
		"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%[1]q,"size":%[2]d},
		"layers":[{"mediaType":"application/octet-stream","digest":%[1]q,"size":%[2]d}]}`, digest, len(data))
	_, err := c.Push(t.Context(), repository(t, reg), []string{"latest"}, []byte(manifest), []v1.Layer{newBlob(t, digest, data)})
	must(t, err)
	return digest
}

func TestARefusedConnectionIsTriedAgain(t *testing.T) {
	for times, want := range map[int]error{2: nil, leiocitest.Always: syscall.ECONNREFUSED} {
		for _, op := range []string{"pull", "push"} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.prepare(op)
				w.network.Refuse(registryHost, times)
				err := w.run(op)
				if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), "tried 3 times") {
					t.Errorf("%s, %d times: got %v", op, times, err)
				}
			})
		}
	}
}

func TestOneLookAtTheWholeAfterADamagedResumeDecides(t *testing.T) {
	// The first bytes were damaged, so resuming cannot help.
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		cache := w.prepare("pull")
		damaged := func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			leiocitest.Corrupt(1)(rw, r, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { registry.ServeHTTP(rw, r) }))
		}
		hits := w.inject(stepNamed("blob GET"), leiocitest.Always, cache, sequence(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			leiocitest.Truncate(1000)(rw, r, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { damaged(rw, r, registry) }))
		}, none, none)(w))
		if err := w.run("pull"); err != nil || hits() != 3 {
			t.Errorf("got %v after %d requests", err, hits())
		}
		w.assertTarget(newer)
	})
}

// halfReader is a registry that rejects the token in the middle of an upload, and accepts no second
// body in an upload session that was written to.
type halfReader struct {
	mu       sync.Mutex
	sessions map[string]bool // written to
	refused  int
	registry http.Handler
}

func (h *halfReader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/blobs/uploads/") {
		h.registry.ServeHTTP(w, r)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.sessions[r.URL.Path]:
		leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID")(w, r, nil)
	case h.refused == 0:
		h.refused++
		h.sessions[r.URL.Path] = true
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		challenge(w, r, "/token")
	default:
		h.registry.ServeHTTP(w, r)
	}
}

func TestAnUploadIsSentWholeInANewSessionAfterA401InItsMiddle(t *testing.T) {
	h := &halfReader{sessions: map[string]bool{}, registry: leiocitest.NewHandler()}
	tokens := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"token":"granted"}`)
		case r.Header.Get("Authorization") == "":
			challenge(w, r, "/token")
		default:
			h.ServeHTTP(w, r)
		}
	})
	reg := leiocitest.Serve(t, tokens)
	c, repo := newClient(t, fast()), repository(t, reg)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	digest := pushBytes(t, c, reg, data)
	rc, err := c.PullBlob(t.Context(), repo.Digest(digest))
	must(t, err)
	defer rc.Close()
	got, err := io.ReadAll(rc)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !bytes.Equal(got, data) || err != nil || h.refused != 1 {
		t.Errorf("got %d bytes, %v, after %d refusals", len(got), err, h.refused)
	}
}

func TestRateLimitErrorSaysWhenToComeBack(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On(http.MethodGet, "/manifests/", leiocitest.Always, leiocitest.RetryAfter(http.StatusTooManyRequests, "120"))
	_, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
	var limited *leioci.RateLimitError
	if !errors.As(err, &limited) || limited.RetryAfter != 2*time.Minute || !strings.Contains(err.Error(), "try again in 2m0s") {
		t.Errorf("got %v", err)
	}
}

func TestARegistryThatRepeatsTheCredentialsDoesNotMakeUsShowThem(t *testing.T) {
	for name, auth := range map[string]authn.Authenticator{
		"basic":  &authn.Basic{Username: "user", Password: secretPassword},
		"bearer": &authn.Bearer{Token: secretToken},
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On("", "/org/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, password, _ := r.BasicAuth()
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "you are not %s, %s", r.Header.Get("Authorization"), password)
		})
		_, err := newClient(t, leioci.WithAuth(reg.Host(), auth)).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if text := fmt.Sprint(err); !strings.Contains(text, "you are not") || strings.Contains(text, "s3cret") || strings.Contains(text, "dXNlcjpzM2NyZXQtcGFzc3dvcmQ=") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAPageForPeopleIsNotQuoted(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On("", "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<!DOCTYPE HTML>\n<html lang=\"en\"><body>no such page</body></html>\n")
	})
	_, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
	if text := fmt.Sprint(err); !errors.Is(err, leioci.ErrNotFound) || strings.Contains(text, "<") || !strings.Contains(text, "a page of HTML") {
		t.Errorf("got %v", err)
	}
}

func TestDetailsAreNotPrintedAsGoPrintsThem(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On("", "/manifests/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Action":"pull"}]}]}`)
	})
	_, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
	if text := fmt.Sprint(err); strings.Contains(text, "map[") || !strings.Contains(text, "authentication required (tried") {
		t.Errorf("got %v", err)
	}
}

func TestTheLogHasALineForEachBlobTagAndRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.prepare("push")
		w.registry.On(http.MethodPut, "/manifests/latest", 1, leiocitest.Status(http.StatusServiceUnavailable, ""))
		before := w.requests()
		must(t, w.run("push"))
		log := w.log.String()
		for text, want := range map[string]int{
			"level=info msg=\"pushed blob to": 3,
			"level=info msg=\"tagged":         2,
			"level=info msg=\"trying again":   1,
			"level=debug":                     w.requests() - before,
			"status=503":                      1,
			"try=2":                           1,
			"level=warning":                   0,
			"?":                               0,
		} {
			if got := strings.Count(log, text); got != want {
				t.Errorf("%q occurs %d times, want %d:\n%s", text, got, want, log)
			}
		}
		for _, field := range []string{"method=PUT", "url=\"http://registry.localhost/v2/org/lei-cache/manifests/latest\"", "bytes=", "duration=", "sent="} {
			if !strings.Contains(log, field) {
				t.Errorf("no line has %s:\n%s", field, log)
			}
		}
	})
}
