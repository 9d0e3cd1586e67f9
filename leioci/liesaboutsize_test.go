package leioci_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestABlobWhoseLengthIsALieIsNotTaken(t *testing.T) {
	whole := readFile(t, sampleDir, "cache.jsonl.gz")
	for name, length := range map[string]int{"none": 0, "shorter": 100, "longer": len(whole) + 1, "huge": 1 << 40} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(length)+"\r\n\r\n")
			_, _ = conn.Write(whole[:min(length, len(whole))])
		})
		rc, err := newClient(t, fast()).PullBlob(t.Context(), repository(t, reg).Digest(sampleCache))
		if err == nil {
			_, err = io.Copy(io.Discard, rc)
			_ = rc.Close()
		}
		if want := map[bool]error{true: leioci.ErrTooLarge, false: leioci.ErrVerification}[name == "huge"]; !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func TestAnImageIsReadByManyAtOnce(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	img, err := c.Image(t.Context(), repo.Tag("latest"))
	must(t, err)
	want := map[string][]byte{
		sampleConfig: readFile(t, sampleDir, "config.json"), sampleManifest: readFile(t, sampleDir, "manifest.json"),
		sampleCache: readFile(t, sampleDir, "cache.jsonl.gz"),
	}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			layers, err := img.Layers()
			if err != nil || len(layers) != 2 {
				t.Errorf("got %d layers, %v", len(layers), err)
				return
			}
			for _, l := range layers {
				digest, err := l.Digest()
				if err != nil {
					t.Error(err)
					return
				}
				rc, err := l.Compressed()
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(rc)
				_ = rc.Close()
				if err != nil || !bytes.Equal(got, want[digest.String()]) {
					t.Errorf("%s: got %d bytes, %v", digest, len(got), err)
				}
			}
			if config, err := img.RawConfigFile(); err != nil || !bytes.Equal(config, want[sampleConfig]) {
				t.Errorf("the config: got %q, %v", config, err)
			}
		})
	}
	readers.Wait()
}

func TestAnImageEndsWithItsContext(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	ctx, cancel := context.WithCancel(t.Context())
	img, err := c.Image(ctx, repo.Tag("latest"))
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	reg.On(http.MethodGet, "/blobs/"+sampleCache, 1, leiocitest.Stall(1000)) // so that it cannot be at its end already
	opened, err := layers[1].Compressed()
	must(t, err)
	defer opened.Close()
	before := len(reg.Requests())
	cancel()
	if _, err := layers[1].Compressed(); !errors.Is(err, context.Canceled) {
		t.Errorf("a layer: got %v", err)
	}
	if _, err := img.RawConfigFile(); !errors.Is(err, context.Canceled) {
		t.Errorf("the config: got %v", err)
	}
	if _, err := io.Copy(io.Discard, opened); !errors.Is(err, context.Canceled) {
		t.Errorf("an open layer: got %v", err)
	}
	if n := len(reg.Requests()); n != before {
		t.Errorf("%d requests", n-before)
	}
	if digest, err := img.Digest(); err != nil || digest.String() != sampleDigest {
		t.Errorf("its digest needs no context: got %v, %v", digest, err)
	}
}

func TestAConfigOfTheLargestSizeIsReadWhole(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 4<<20)
	reg := leiocitest.NewRegistry(t)
	c := newClient(t)
	pushBytes(t, c, reg, data)
	img, err := c.Image(t.Context(), repository(t, reg).Tag("latest"))
	must(t, err)
	if config, err := img.RawConfigFile(); err != nil || !bytes.Equal(config, data) {
		t.Errorf("got %d bytes, %v", len(config), err)
	}
}
