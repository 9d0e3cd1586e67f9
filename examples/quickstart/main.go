// Command quickstart takes a snapshot through its whole life. It starts an in-process registry,
// pushes a snapshot under the tags of its date, pulls "latest" into a temporary directory, verifies
// it and prints a summary.
//
//	go run ./examples/quickstart DIR
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: quickstart DIR, a directory with manifest.json and cache.jsonl.gz")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, out io.Writer) (err error) {
	started := time.Now()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	tmp, err := os.MkdirTemp("", "leioci-quickstart")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()

	repo, err := leioci.ParseRepository(strings.TrimPrefix(server.URL, "http://") + "/lei/cache")
	if err != nil {
		return err
	}
	client, err := leioci.New()
	if err != nil {
		return err
	}
	if err := push(ctx, client, dir, repo, out); err != nil {
		return err
	}
	res, err := client.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(tmp, "lei"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "pulled    %s (%d bytes)\n", res.Ref, res.BytesFetched)
	if err := report(ctx, filepath.Join(tmp, "lei"), out); err != nil {
		return err
	}
	fmt.Fprintf(out, "took      %s\n", time.Since(started).Round(time.Millisecond))
	return nil
}

// push verifies the snapshot in dir and publishes it under the tags of its own date. The directory
// is opened once, so that all three are of the same snapshot, even if another takes its place
// meanwhile.
func push(ctx context.Context, client *leioci.Client, dir string, repo name.Repository, out io.Writer) error {
	s, err := snapshot.Open(dir)
	if err != nil {
		return err
	}
	defer s.Close() // after the push, which reads it
	if err := s.Verify(ctx); err != nil {
		return err
	}
	img, err := leioci.PackageSnapshot(ctx, s)
	if err != nil {
		return err
	}
	tags := leioci.GenerateTags(s.Metadata().Date)
	digest, err := client.PushSnapshot(ctx, repo, tags, img)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "pushed    %s\n", digest)
	fmt.Fprintf(out, "tags      %s\n", strings.Join(tags, ", "))
	return nil
}

// report verifies the snapshot in dir and prints a summary.
func report(ctx context.Context, dir string, out io.Writer) error {
	s, err := snapshot.Open(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Verify(ctx); err != nil {
		return err
	}
	reports, risks := 0, map[string]int{}
	for r, err := range s.Reports(ctx) {
		if err != nil {
			return err
		}
		reports++
		risks[r.Risk]++
	}
	meta := s.Metadata()
	fmt.Fprintf(out, "verified  %d reports of %s, made by LowEndInsight %s\n",
		reports, meta.Date.Format(time.DateOnly), meta.LEIVersion)
	for _, risk := range slices.Sorted(maps.Keys(risks)) {
		fmt.Fprintf(out, "  %-13s %5d\n", risk, risks[risk])
	}
	return nil
}
