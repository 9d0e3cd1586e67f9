package leioci_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// says answers with a status and a body.
func says(status int, body string) leiocitest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestTheErrorOfAStorageIsNotTheRegistrys(t *testing.T) {
	const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message>` +
		`<HostId>s3cret-host</HostId></Error>`
	for status, kind := range map[int]error{401: leioci.ErrUnauthorized, 403: leioci.ErrDenied, 404: leioci.ErrNotFound, 400: nil} {
		reg := leiocitest.NewRegistry(t)
		storage := leiocitest.Serve(t, http.NotFoundHandler())
		storage.On("", "", leiocitest.Always, says(status, xml))
		pushSample(t, newClient(t), repository(t, reg), "latest")
		reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+storage.Host()))
		var log bytes.Buffer
		c := newClient(t, logTo(&log), leioci.WithKeychain(keychain{&authn.Basic{Username: "user", Password: secretPassword}}))
		repo := repository(t, reg)
		_, pull := c.PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
		_, blob := c.PullBlob(t.Context(), repo.Digest(sampleCache))
		manifest, blobs := sample(t)
		empty := leiocitest.NewRegistry(t)
		empty.On(http.MethodPost, "/blobs/", leiocitest.Always, leiocitest.Location(func(l string) string { return "http://" + storage.Host() + l }))
		_, push := c.Push(t.Context(), repository(t, empty), []string{"latest"}, manifest, blobs)
		for what, err := range map[string]error{"pull": pull, "blob": blob, "push": push} {
			if err == nil || kind != nil && !errors.Is(err, kind) {
				t.Errorf("%d, %s: got %v", status, what, err)
				continue
			}
			text := err.Error()
			if !strings.Contains(text, "from "+storage.Host()) || !strings.Contains(text, "AccessDenied: Request has expired") {
				t.Errorf("%d, %s: the message does not say who refuses, and why: %v", status, what, err)
			}
			if strings.Contains(text, "log in") || strings.Contains(text, "credentials") || strings.Contains(text, "<") || strings.Contains(text, "s3cret") {
				t.Errorf("%d, %s: got %v", status, what, err)
			}
		}
		if strings.Contains(log.String(), "without") {
			t.Errorf("%d: the credentials were dropped: %s", status, &log)
		}
	}
}

func TestWhatARegistrySaysFitsOnALine(t *testing.T) {
	const evil = "no\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \u200b\u009b31m\r\nlevel=info msg=\"all is well\"\u2028x\x00\x7f \xff"
	for name, fault := range map[string]leiocitest.Fault{
		"a text": says(http.StatusForbidden, evil),
		"JSON":   says(http.StatusForbidden, `{"errors":[{"code":"DENIED\u001b[1m","message":"a\u001b[2J\u202e\nb","detail":"\u0007"}]}`),
		"XML":    says(http.StatusForbidden, "<Error><Code>Access\x1b[2J\nDenied</Code></Error>"),
		"a type": leiocitest.Header("Content-Type", "text/\x1b[2Jevil"),
		"a page": says(http.StatusBadGateway, "<html>\x1b[2J"),
		"a realm": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("WWW-Authenticate", "Bearer realm=\"http://\u202e\x1b/\"")
			w.WriteHeader(401)
		},
		"a manifest": says(http.StatusOK, "{\"schemaVersion\":2,\"mediaType\":\"\\u001b[2J\\u202e\\n\"}"),
	} {
		reg := leiocitest.NewRegistry(t)
		var log bytes.Buffer
		pushSample(t, newClient(t), repository(t, reg), "latest")
		for _, path := range []string{"/manifests/", "/v2/"} {
			injected := reg.On(http.MethodGet, path, leiocitest.Always, fault)
			_, err := newClient(t, logTo(&log), fast()).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
			injected.Stop()
			if err == nil {
				continue // a ping need not be answered well
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s: got %q", name, err)
			}
		}
		if strings.ContainsAny(log.String(), "\x1b\x07\u202e\u009b") {
			t.Errorf("%s: the log has %q", name, &log)
		}
	}
}

func TestAStorageWithoutRangesLosesNothing(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"403": leiocitest.Status(http.StatusForbidden, ""), "404": leiocitest.Status(http.StatusNotFound, ""), "405": leiocitest.Status(http.StatusMethodNotAllowed, ""),
		"416": leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, ""), "500": leiocitest.Status(http.StatusInternalServerError, ""), "cut": leiocitest.Cut(),
		"206 without Content-Range": leiocitest.Header("Content-Range", ""),
		"a page":                    says(http.StatusOK, "<html>log in</html>"),
	} {
		reg := leiocitest.NewRegistry(t)
		repo := repository(t, reg)
		pushSample(t, newClient(t), repo, "latest")
		dir := filepath.Join(t.TempDir(), "lei")
		kept := func() string {
			found, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".leioci-partial-*"))
			must(t, err)
			if len(found) != 1 {
				t.Fatalf("%s: %q is kept", name, found)
			}
			return string(readFile(t, found[0]))
		}
		c := newClient(t, once(), leioci.WithConcurrency(1)) // one file after the other: the first breaks off
		reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Truncate(100))
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err == nil {
			t.Fatalf("%s: the pull did not break off", name)
		}
		before := kept()
		var down atomic.Bool // while it is, what is there stays
		down.Store(true)
		var ranges atomic.Int64
		reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			if r.Header.Get("Range") != "" {
				ranges.Add(1)
				fault(w, r, registry)
				return
			}
			if down.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			registry.ServeHTTP(w, r)
		})
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err == nil || kept() != before {
			t.Errorf("%s: got %v, and %d bytes are kept of %d", name, err, len(kept()), len(before))
		}
		down.Store(false)
		if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir); err != nil || ranges.Load() < 2 {
			t.Errorf("%s: got %v after %d ranges", name, err, ranges.Load())
		}
		assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz")
	}
}

func TestAnotherPlaceServesTheRangeThatAMirrorDoesNot(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"403": leiocitest.Status(http.StatusForbidden, ""), "404": leiocitest.Status(http.StatusNotFound, ""), "cut": leiocitest.Cut(),
		"a wrong range": leiocitest.Header("Content-Range", "bytes 0-9/10"), "a page": says(http.StatusOK, "<html>log in</html>"),
	} {
		upstream, first, second := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
		repo := repository(t, upstream)
		for _, reg := range []*leiocitest.Registry{upstream, first, second} {
			pushSample(t, newClient(t), repository(t, reg), "latest")
		}
		first.On(http.MethodGet, "/blobs/"+sampleCache, 1, leiocitest.Truncate(100))
		second.On(http.MethodGet, "/blobs/"+sampleCache, leiocitest.Always, fault)
		var mu sync.Mutex
		var ranges []string
		upstream.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			mu.Lock()
			ranges = append(ranges, r.Header.Get("Range"))
			mu.Unlock()
			registry.ServeHTTP(w, r)
		})
		c := newClient(t, fast(), leioci.WithConcurrency(1),
			leioci.WithMirrors(leioci.Mirror{Of: repo, At: repository(t, first)}, leioci.Mirror{Of: repo, At: repository(t, second)}))
		_, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
		mu.Lock()
		if err != nil || len(ranges) != 1 || ranges[0] == "" {
			t.Errorf("%s: got %v, and upstream was asked for %q", name, err, ranges)
		}
		mu.Unlock()
	}
}

func TestAPasswordThatOnlyTheTokenServerWasSentIsNotShown(t *testing.T) {
	const password = `p<ss"wörd\/`
	for name, encode := range map[string]func(string) string{
		"JSON":         func(s string) string { b, _ := json.Marshal(s); return string(b) },
		"HTML in JSON": func(s string) string { b, _ := json.Marshal(html.EscapeString(s)); return string(b) },
		"base64":       func(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte("user:"+s)) + `"` },
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On("", "/token", leiocitest.Always, says(http.StatusOK, `{"token":"`+secretToken+`"}`))
		reg.On("", "/v2/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if r.Header.Get("Authorization") == "" {
				challenge(w, r, "/token")
				return
			}
			says(http.StatusForbidden, `{"errors":[{"code":"DENIED","message":`+encode(password)+`}]}`)(w, r, nil)
		})
		var log bytes.Buffer
		c := newClient(t, logTo(&log), leioci.WithAuth(reg.Host(), &authn.Basic{Username: "user", Password: password}))
		_, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if !errors.Is(err, leioci.ErrDenied) || !strings.Contains(err.Error(), "DENIED: ... (") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAPasswordInARedirectIsNotShown(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	storage := leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says(http.StatusNotFound, r.Header.Get("Authorization"))(w, r, nil)
	}))
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, "http://s3cret-user:"+secretPassword+"@"+storage.Host()))
	var log bytes.Buffer
	_, err := newClient(t, logTo(&log)).PullBlob(t.Context(), repository(t, reg).Digest(sampleCache))
	if !errors.Is(err, leioci.ErrNotFound) || strings.Contains(err.Error()+log.String(), "s3cret") || len(storage.Requests()) != 1 {
		t.Errorf("got %v\n%s", err, &log)
	}
}
