// Command ggcr shows that go-containerregistry can handle a snapshot like any other image. It
// starts two in-process registries and moves a snapshot through the library's packages: from a
// directory into a registry with remote.Write, on to another with crane.Copy, into an OCI layout
// and back out, and into a directory again. It also shows that package tarball cannot hold one. The
// client, a remote.Puller and a remote.Pusher share a keychain and a transport.
//
//	go run ./examples/ggcr DIR
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/lowendinsight/lei-go/leioci"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: ggcr DIR, a directory with manifest.json and cache.jsonl.gz")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ggcr:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, out io.Writer) (err error) {
	tmp, err := os.MkdirTemp("", "leioci-ggcr")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	tour, err := newTour(leioci.DefaultKeychain(), transport)
	if err != nil {
		return err
	}
	tour.out, tour.tmp = out, tmp
	first, second := startRegistry(), startRegistry()
	defer first.Close()
	defer second.Close()

	img, err := leioci.Package(ctx, dir)
	if err != nil {
		return err
	}
	source, err := leioci.ParseReference(host(first) + "/lei/cache:2026-02-08")
	if err != nil {
		return err
	}
	target, err := leioci.ParseReference(host(second) + "/mirror/cache:2026-02-08")
	if err != nil {
		return err
	}
	return errors.Join(
		tour.write(ctx, source, img),
		tour.copy(ctx, source, target),
		tour.pullPush(ctx, target, source.Context().Tag("again")),
		tour.layout(ctx, source),
		tour.archive(ctx, img),
	)
}

func startRegistry() *httptest.Server {
	return httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
}

func host(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
