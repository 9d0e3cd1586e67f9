package leioci_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestTheQueryOfALocationGoesBackAsItCame(t *testing.T) {
	for query, want := range map[string]string{
		"":                             "?DIGEST",
		"?":                            "?DIGEST",
		"?_state=a%2Fb%20c+d~e":        "?_state=a%2Fb%20c+d~e&DIGEST",
		"?z=1&a=2&a=1":                 "?z=1&a=2&a=1&DIGEST",
		"?a;b":                         "?a;b&DIGEST",
		"?a=1;b=2&c":                   "?a=1;b=2&c&DIGEST",
		"?a=&b":                        "?a=&b&DIGEST",
		"?a=%zz":                       "?a=%zz&DIGEST",
		"?a=%2f%2F":                    "?a=%2f%2F&DIGEST",
		"?sig=x/y:z@?&&n=1&":           "?sig=x/y:z@?&&n=1&DIGEST",
		"?a=1#fragment":                "?a=1&DIGEST",
		"?a=b c":                       "?a=b%20c&DIGEST",
		"?digest=sha256%3A00&a=1":      "?a=1&DIGEST",
		"?digest&a=1&digest=sha512:00": "?a=1&DIGEST",
		"?xdigest=1&digest2=2":         "?xdigest=1&digest2=2&DIGEST",
	} {
		var mu sync.Mutex
		var sent []string
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodPost, "/blobs/uploads/", leiocitest.Always, leiocitest.Location(func(l string) string { return l + query }))
		reg.On(http.MethodPut, "/blobs/uploads/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			_, raw, _ := strings.Cut(r.RequestURI, "?")
			digest := "digest=" + url.QueryEscape(r.URL.Query().Get("digest"))
			mu.Lock()
			sent = append(sent, "?"+strings.Replace(raw, digest, "DIGEST", 1))
			mu.Unlock()
			r.URL.RawQuery = digest
			registry.ServeHTTP(w, r)
		})
		pushSample(t, newClient(t), repository(t, reg), "latest")
		mu.Lock()
		if len(sent) != 3 || slices.ContainsFunc(sent, func(s string) bool { return s != want }) {
			t.Errorf("%s: got %q, want %q", query, sent, want)
		}
		mu.Unlock()
	}
}

func TestThePathOfALocationGoesBackAsItCame(t *testing.T) {
	for _, path := range []string{"/up%2Fload/1", "/up;load/1", "/a//b", "/a%20b", "/a:b@c", "/%E2%82%AC"} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodPost, "/blobs/uploads/", leiocitest.Always, leiocitest.Location(func(string) string { return path }))
		got := make(chan string, 1)
		reg.On(http.MethodPut, "", 1, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			raw, _, _ := strings.Cut(r.RequestURI, "?")
			got <- raw
			leiocitest.Status(http.StatusForbidden, "")(w, r, nil)
		})
		manifest, blobs := sample(t)
		_, err := newClient(t, leioci.WithConcurrency(1)).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
		if err == nil {
			t.Fatalf("%s: the push succeeded", path)
		}
		select {
		case sent := <-got:
			if sent != path {
				t.Errorf("%s: got %s, %v", path, sent, err)
			}
		default:
			t.Errorf("%s: nothing was put: %v", path, err)
		}
	}
}

func TestALocationWithCredentialsIsRefused(t *testing.T) {
	for _, location := range []string{"http://user:s3cret@HOST/upload", "//user:s3cret@HOST/upload", "//s3cret@HOST/upload"} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodPost, "/blobs/uploads/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Location", strings.Replace(location, "HOST", r.Host, 1))
			w.WriteHeader(http.StatusAccepted)
		})
		manifest, blobs := sample(t)
		_, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
		if err == nil || !strings.Contains(err.Error(), "Location") || strings.Contains(err.Error(), "s3cret") || requestCount(reg, "PUT ") > 0 {
			t.Errorf("%s: got %v", location, err)
		}
	}
}

// as responds as the registry does, with another status.
func as(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&statusWriter{ResponseWriter: w, status: status}, r)
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(int)             { s.ResponseWriter.WriteHeader(s.status) }
func (s *statusWriter) Write(p []byte) (int, error) { return len(p), nil }

func TestAnUnusualSuccessCountsIfItIsSeenToBeOne(t *testing.T) {
	manifest, blobs := sample(t)
	page := respond(http.StatusOK, "text/html", "<html>log in</html>")
	created := func(w http.ResponseWriter, r *http.Request, registry http.Handler) { // in one request
		upload := r.Clone(r.Context())
		for _, b := range blobs {
			digest, err := b.Digest()
			must(t, err)
			upload.Body, err = b.Compressed()
			must(t, err)
			upload.ContentLength, err = b.Size()
			must(t, err)
			upload.URL.RawQuery = "digest=" + digest.String()
			registry.ServeHTTP(discard{http.Header{}}, upload)
		}
		w.WriteHeader(http.StatusCreated)
	}
	for name, tc := range map[string]struct {
		method, path string
		fault        leiocitest.Fault
		fails        bool
	}{
		"a blob put: 200":                 {http.MethodPut, "/blobs/", as(200), false},
		"a blob put: 202":                 {http.MethodPut, "/blobs/", as(202), false},
		"a blob put: 204":                 {http.MethodPut, "/blobs/", as(204), false},
		"a blob put: 200 and nothing":     {http.MethodPut, "/blobs/", leiocitest.Status(200, ""), true},
		"a blob put: 202 and nothing":     {http.MethodPut, "/blobs/", leiocitest.Status(202, ""), true},
		"a blob put: a page":              {http.MethodPut, "/blobs/", page, true},
		"a blob put: another digest":      {http.MethodPut, "/blobs/", respondDigest(201), true},
		"a blob put: 203":                 {http.MethodPut, "/blobs/", as(203), true},
		"a blob post: 200":                {http.MethodPost, "/blobs/", as(200), false},
		"a blob post: 204":                {http.MethodPost, "/blobs/", as(204), false},
		"a blob post: 201":                {http.MethodPost, "/blobs/", created, false},
		"a blob post: 201 for 202":        {http.MethodPost, "/blobs/", as(201), false},
		"a blob post: 201 and nothing":    {http.MethodPost, "/blobs/", leiocitest.Status(201, ""), true},
		"a blob post: a page":             {http.MethodPost, "/blobs/", page, true},
		"a manifest put: 200":             {http.MethodPut, "/manifests/", as(200), false},
		"a manifest put: 202":             {http.MethodPut, "/manifests/", as(202), false},
		"a manifest put: 204":             {http.MethodPut, "/manifests/", as(204), false},
		"a manifest put: 200 and nothing": {http.MethodPut, "/manifests/", leiocitest.Status(200, ""), true},
		"a manifest put: 200 by a header": {http.MethodPut, "/manifests/", saysStored(200), true},
		"a manifest put: 202 by a header": {http.MethodPut, "/manifests/", saysStored(202), true},
		"a manifest put: 204 by a header": {http.MethodPut, "/manifests/", saysStored(204), true},
		"a manifest put: a page":          {http.MethodPut, "/manifests/", page, true},
		"a manifest put: 203":             {http.MethodPut, "/manifests/", leiocitest.Status(203, ""), true},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			fault := reg.On(tc.method, tc.path, leiocitest.Always, tc.fault)
			c, repo := newClient(t), repository(t, reg)
			_, err := c.Push(t.Context(), repo, []string{"2026-02-08", "latest"}, manifest, blobs)
			if (err != nil) != tc.fails || fault.Hits() == 0 {
				t.Fatalf("got %v", err)
			}
			var push *leioci.PushError
			if err != nil && (!errors.As(err, &push) || len(push.Pushed) > 0) {
				t.Errorf("got %v", err)
			}
			if _, pullErr := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); (pullErr != nil) != tc.fails {
				t.Errorf("pulled: %v", pullErr)
			}
		})
	}
}

// saysStored names the digest of the sample, and stores nothing.
func saysStored(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Docker-Content-Digest", sampleDigest)
		w.WriteHeader(status)
	}
}

func TestWhatIsToBeDoneLaterIsLookedForAgain(t *testing.T) {
	manifest, blobs := sample(t)
	for _, path := range []string{"/blobs/uploads/", "/manifests/"} {
		for status, tries := range map[int]int{200: 1, 202: 5, 204: 1} {
			reg := leiocitest.NewRegistry(t)
			fault := reg.On(http.MethodPut, path, leiocitest.Always, leiocitest.Status(status, ""))
			_, err := newClient(t, fast(), leioci.WithConcurrency(1)).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
			if hits := fault.Hits(); err == nil || hits != tries {
				t.Errorf("%s %d: got %v after %d tries, want %d", path, status, err, hits, tries)
			}
		}
	}
}

// respondDigest says that something else was stored.
func respondDigest(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
		w.WriteHeader(status)
	}
}

func TestAResponseAboutSomethingElseIsNotTakenForABlob(t *testing.T) {
	for name, header := range map[string]http.Header{
		"a page":         {"Content-Type": {"text/html; charset=utf-8"}},
		"another size":   {"Content-Length": {"17"}},
		"another digest": {"Docker-Content-Digest": {"sha256:" + strings.Repeat("0", 64)}},
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodHead, "/blobs/", leiocitest.Always, saying("", header))
		c, repo := newClient(t), repository(t, reg)
		pushSample(t, c, repo, "latest")
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		manifest, _ := sample(t)
		before := requestCount(reg, "PUT ")
		if _, err := c.Push(t.Context(), repo, []string{"other"}, manifest, nil); !errors.Is(err, leioci.ErrNotFound) || requestCount(reg, "PUT ") > before {
			t.Errorf("%s: without the blobs: got %v", name, err)
		}
	}
}

func TestAPutThatStoresAnotherDigestIsNoSuccess(t *testing.T) {
	raw := readFile(t, sampleDir, "oci-manifest.json")
	for name, tc := range map[string]struct {
		digest string
		want   error
	}{
		"the right digest":  {sampleDigest, nil},
		"the right SHA-512": {fmt.Sprintf("sha512:%x", sha512.Sum512(raw)), nil},
		"none":              {"", nil},
		"nonsense":          {"stored", nil},
		"another digest":    {fmt.Sprintf("sha256:%x", sha256.Sum256(nil)), leioci.ErrVerification},
		"another SHA-512":   {fmt.Sprintf("sha512:%x", sha512.Sum512(nil)), leioci.ErrVerification},
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodPut, "/manifests/", leiocitest.Always, leiocitest.Header("Docker-Content-Digest", tc.digest))
		manifest, blobs := sample(t)
		digest, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"2026-02-08", "latest"}, manifest, blobs)
		if !errors.Is(err, tc.want) || err == nil && digest.DigestStr() != sampleDigest {
			t.Errorf("%s: got %v, %v, want %v", name, digest, err, tc.want)
		}
		var push *leioci.PushError
		if tc.want != nil && (!errors.As(err, &push) || len(push.Pushed) > 0 || !push.Failed[0].Unknown || requestCount(reg, "PUT /v2/org/lei-cache/manifests/latest") > 0) {
			t.Errorf("%s: got %+v", name, push)
		}
	}
}
