package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestPullBlobStreamsWhatWasPushed(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	got, err := io.ReadAll(rc)
	if err != nil || !bytes.Equal(got, readFile(t, sampleDir, "cache.jsonl.gz")) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestPullBlobVerifiesBeforeTheEnd(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	chunked := func(edit func([]byte) []byte) leiocitest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.(http.Flusher).Flush() // before the length is known
			body := readFile(t, sampleDir, "cache.jsonl.gz")
			_, _ = w.Write(edit(body))
		}
	}
	for name, fault := range map[string]leiocitest.Fault{
		"a flipped bit":            leiocitest.Body(flip),
		"a flipped last bit":       leiocitest.Body(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		"one byte short":           leiocitest.Body(func(b []byte) []byte { return b[:len(b)-1] }),
		"one byte long":            leiocitest.Body(func(b []byte) []byte { return append(b, 0) }),
		"nothing":                  leiocitest.Body(func([]byte) []byte { return nil }),
		"another blob":             leiocitest.Body(func([]byte) []byte { return readFile(t, sampleDir, "manifest.json") }),
		"a connection cut":         leiocitest.Truncate(60000),
		"a flipped bit, no length": chunked(flip),
		"short, no length":         chunked(func(b []byte) []byte { return b[:1000] }),
		"long, no length":          chunked(func(b []byte) []byte { return append(b, b...) }),
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			c, repo := newClient(t), repository(t, reg)
			pushSample(t, c, repo, "latest")
			injected := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, fault)
			rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
			if err == nil {
				defer rc.Close()
				_, err = io.Copy(io.Discard, rc)
			}
			if !errors.Is(err, leioci.ErrVerification) || !strings.Contains(err.Error(), repo.Digest(sampleCache).String()) {
				t.Errorf("got %v", err)
			}
			if injected.Hits() == 0 {
				t.Error("the fault was not hit")
			}
		})
	}
}

func TestPullBlobDoesNotHandOutTheLastBytesOfCorruptContent(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Body(func(b []byte) []byte { b[0] ^= 1; return b }))
	rc, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	// A reader that reads exactly the expected number of bytes and never reaches the end.
	if _, err := io.ReadFull(rc, make([]byte, 62724)); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("got %v", err)
	}
}

func TestPullBlobStopsAtTheLimit(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	pushSample(t, newClient(t), repo, "latest")
	c := newClient(t, leioci.WithMaxBlobBytes(62723))
	_, err := c.PullBlob(t.Context(), repo.Digest(sampleCache))
	if !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestPullBlobEndsWithItsContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	reached := make(chan struct{}, 1)
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Length", "62724")
		_, _ = w.Write(make([]byte, 100))
		w.(http.Flusher).Flush()
		leiocitest.Hang(reached)(w, r, nil)
	})
	ctx, cancel := context.WithCancel(t.Context())
	rc, err := c.PullBlob(ctx, repo.Digest(sampleCache))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	<-reached
	cancel()
	if _, err := io.Copy(io.Discard, rc); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheAnswerToAHandshakeIsLimitedForABlobToo(t *testing.T) {
	var n atomic.Int64
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	ref := pushSample(t, newClient(t), repo, "latest")
	m, err := newClient(t).PullManifest(t.Context(), ref)
	must(t, err)
	reg.On(http.MethodGet, "/blobs/", 1, leiocitest.Status(http.StatusNotFound, "")) // to somebody without credentials
	ping := reg.On(http.MethodGet, "/v2/", 1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		b := make([]byte, 1<<16)
		for n.Load() < 64<<20 {
			k, err := w.Write(b)
			n.Add(int64(k))
			if err != nil {
				return
			}
		}
	})
	bob := leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: secretPassword})
	rc, err := newClient(t, bob).PullBlob(t.Context(), repo.Digest(m.Manifest.Layers[0].Digest.String()))
	if err == nil {
		_, _ = io.Copy(io.Discard, rc)
		rc.Close()
	}
	if n.Load() > 32<<20 || ping.Hits() != 1 || pings(reg) != 1 {
		t.Errorf("read %d bytes after %d pings", n.Load(), pings(reg))
	}
}
