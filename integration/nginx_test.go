package integration

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci"
)

func TestALimitOnBodiesIsReportedAsSuch(t *testing.T) {
	skipIfExternal(t)
	r := behindNginx("distribution", "--max-body", "64k")(t)
	for _, mebibytes := range []int{1, 16} {
		t.Run(fmt.Sprintf("%d MiB", mebibytes), func(t *testing.T) {
			ctx, repo, c := t.Context(), r.repository(t), r.client(t)
			img, err := leioci.Package(ctx, bigSnapshot(t, mebibytes))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.PushSnapshot(ctx, repo, leioci.GenerateTags(sunday()), img)
			var push *leioci.PushError
			if !errors.As(err, &push) || len(push.Pushed) != 0 || len(push.Failed) != 3 {
				t.Fatalf("%v, want a *PushError without any moved tag", err)
			}
			var answer *transport.Error
			if !errors.As(err, &answer) || answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%v, want a *transport.Error with status 413", err)
			}
			if text := err.Error(); !strings.Contains(text, "413") || !strings.Contains(text, "Too Large") || len(text) > 1000 {
				t.Errorf("not a sensible message: %s", text)
			}
			if _, err := c.PullManifest(ctx, repo.Tag("latest")); !errors.Is(err, leioci.ErrNotFound) {
				t.Errorf("%v, want ErrNotFound", err)
			}
		})
	}
}

func TestBlobsOfAnotherHostArePulledWithoutTheCredentials(t *testing.T) {
	skipIfExternal(t)
	for _, host := range []string{"localhost", "127.0.0.1"} {
		for _, tls := range []string{"", "--tls"} {
			t.Run(strings.TrimSpace(host+" "+tls), func(t *testing.T) {
				args := strings.Fields("--auth basic --redirect-blobs " + host + " " + tls)
				r := behindNginx("distribution", args...)(t)
				ctx, repo, c := t.Context(), r.repository(t), r.client(t)
				img, err := leioci.Package(ctx, sampleDir)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.PushSnapshot(ctx, repo, []string{"latest"}, img); err != nil {
					t.Fatal(err)
				}
				out := filepath.Join(t.TempDir(), "out")
				// The storage refuses requests with an Authorization header, and requests without a
				// signature.
				if _, err := c.PullSnapshot(ctx, repo.Tag("latest"), out); err != nil {
					t.Fatal(err)
				}
				assertSameFiles(t, sampleDir, out, "manifest.json", "cache.jsonl.gz")
				if log := string(readFile(t, r.state, "log")); !strings.Contains(log, "?signature=secret HTTP/1.1\" 200 62724") {
					t.Error("the blob was not fetched from the storage")
				}
			})
		}
	}
}

func TestARedirectToAPrivateAddressIsFollowedIfAllowed(t *testing.T) {
	skipIfExternal(t)
	r := behindNginx("distribution", "--redirect-blobs", "127.0.0.2")(t)
	ctx, repo := t.Context(), r.repository(t)
	img, err := leioci.Package(ctx, sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	strict := r.client(t)
	if _, err := strict.PushSnapshot(ctx, repo, []string{"latest"}, img); err != nil { // it asks nothing of the storage
		t.Fatal(err)
	}
	if _, err := strict.PullSnapshot(ctx, repo.Tag("latest"), out); err == nil || !strings.Contains(err.Error(), "WithPrivateRedirects") {
		t.Errorf("without permission: got %v", err)
	}
	c := r.client(t, leioci.WithPrivateRedirects(netip.MustParsePrefix("127.0.0.0/8")))
	if _, err := c.PullSnapshot(ctx, repo.Tag("latest"), out); err != nil {
		t.Fatal(err)
	}
	assertSameFiles(t, sampleDir, out, "manifest.json", "cache.jsonl.gz")
}

func TestConnectionsThatWereClosedWhileIdleAreReopened(t *testing.T) {
	skipIfExternal(t)
	r := behindNginx("distribution", "--keepalive", "1")(t)
	m := newMeter(t, r)
	ctx, repo, c := t.Context(), r.repository(t), r.client(t, leioci.WithTransport(m))
	img, err := leioci.Package(ctx, sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	before := 0
	for range 2 {
		if _, err := c.PushSnapshot(ctx, repo, []string{"2026-02-08", "latest"}, img); err != nil {
			t.Fatal(err)
		}
		if _, err := c.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(t.TempDir(), "out")); err != nil {
			t.Fatal(err)
		}
		dialed, allClosed := m.connections()
		if dialed == before {
			t.Error("no new connection was made, so none had been closed")
		}
		before = dialed
		select {
		case <-allClosed: // nginx closes them
		case <-ctx.Done():
			t.Fatal("the connections were not closed")
		}
	}
}
