package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// startRegistry starts a registry for an example and returns its host.
func startRegistry() (host string, stop func()) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	return strings.TrimPrefix(server.URL, "http://"), server.Close
}

func Example() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)

	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}

	// The publisher.
	img, err := leioci.Package(ctx, "testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	tags := leioci.GenerateTags(time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC))
	pushed, err := client.PushSnapshot(ctx, repo, tags, img)
	if err != nil {
		log.Fatal(err)
	}

	// A consumer.
	res, err := client.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(tmp, "lei"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Ref == pushed, res.Date.Format(time.DateOnly), res.BytesFetched)
	// Output: true 2026-02-08 73222
}

func ExampleGenerateTags() {
	sunday := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	fmt.Println(leioci.GenerateTags(sunday))
	// Output: [2026-02-08 latest weekly]
}

func ExampleParseReference() {
	ref, err := leioci.ParseReference("oci://localhost:5000/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ref.Context().RegistryStr(), ref.Context().RepositoryStr(), ref.Identifier())

	_, err = leioci.ParseReference("https://ghcr.io/org/lei-cache")
	fmt.Println(errors.Is(err, leioci.ErrInvalidReference))
	// Output:
	// localhost:5000 org/lei-cache latest
	// true
}

// The contract's push: a manifest byte for byte, and the blobs it names.
func ExampleClient_Push() {
	host, stop := startRegistry()
	defer stop()
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	manifest, err := os.ReadFile("testdata/lei-0.9.1/oci-manifest.json")
	if err != nil {
		log.Fatal(err)
	}
	var blobs []v1.Layer
	for file, digest := range map[string]string{
		"config.json":    "0a735b82bafe393912fba1e3a93c113c7386f3895dcb5688d90d788fe93bdf8d",
		"manifest.json":  "12e5fdc10a28a5335fe71118db3326224553c08906c2c4d32df647962d06cc4d",
		"cache.jsonl.gz": "1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce",
	} {
		data, err := os.ReadFile(filepath.Join("testdata/lei-0.9.1", file))
		if err != nil {
			log.Fatal(err)
		}
		blob, err := leioci.NewBlob(v1.Hash{Algorithm: "sha256", Hex: digest}, data)
		if err != nil {
			log.Fatal(err)
		}
		blobs = append(blobs, blob)
	}

	digest, err := client.Push(context.Background(), repo, []string{"2026-02-08", "latest"}, manifest, blobs)
	var failed *leioci.PushError
	if errors.As(err, &failed) {
		log.Fatalf("moved only %q: %v", failed.Pushed, err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digest.DigestStr())
	// Output: sha256:22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8
}

func ExampleClient_PullBlob() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)

	m, err := client.PullManifest(ctx, repo.Tag("latest"))
	if err != nil {
		log.Fatal(err)
	}
	for _, layer := range m.Manifest.Layers {
		blob, err := client.PullBlob(ctx, repo.Digest(layer.Digest.String()))
		if err != nil {
			log.Fatal(err)
		}
		n, err := io.Copy(io.Discard, blob) // verified by the time it reaches the end
		if err := errors.Join(err, blob.Close()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(layer.MediaType, n)
	}
	// Output:
	// application/vnd.lei.cache.manifest+json 10498
	// application/vnd.lei.cache.jsonl+gzip 62724
}

func ExampleClient_PullSnapshot() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)
	dir, err := os.MkdirTemp("", "leioci") // empty, so it may be replaced
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	for range 2 {
		res, err := client.PullSnapshot(ctx, repo.Tag("latest"), dir)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(res.UpToDate, res.BytesFetched)
	}
	// Output:
	// false 73222
	// true 0
}

func ExampleClient_Tags() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)

	tags, err := client.Tags(ctx, repo)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tags)
	// Output: [2026-02-08 latest weekly]
}

// A snapshot travels to an air-gapped site as an OCI layout, a directory.
func ExampleUnpack() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)

	// On the connected side.
	img, err := client.Image(ctx, repo.Tag("latest"))
	if err != nil {
		log.Fatal(err)
	}
	carrier, err := layout.Write(filepath.Join(tmp, "layout"), empty.Index)
	if err != nil {
		log.Fatal(err)
	}
	if err := carrier.AppendImage(img); err != nil {
		log.Fatal(err)
	}

	// On the air-gapped side.
	digest, err := img.Digest()
	if err != nil {
		log.Fatal(err)
	}
	arrived, err := carrier.Image(digest)
	if err != nil {
		log.Fatal(err)
	}
	res, err := leioci.Unpack(ctx, arrived, filepath.Join(tmp, "lei"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Date.Format(time.DateOnly))
	// Output: 2026-02-08
}

// Publish a snapshot: the one that was verified, under the tags of its own date, even if another
// takes its place in the directory meanwhile.
func ExamplePackageSnapshot() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}

	s, err := snapshot.Open("testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }() // after the push, which reads it
	if err := s.Verify(ctx); err != nil {
		log.Fatal(err)
	}
	img, err := leioci.PackageSnapshot(ctx, s)
	if err != nil {
		log.Fatal(err)
	}
	tags := leioci.GenerateTags(s.Metadata().Date)
	if _, err := client.PushSnapshot(ctx, repo, tags, img); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tags)
	// Output: [2026-02-08 latest weekly]
}

// Packaging the same directory again gives the same digest.
func ExamplePackage() {
	var digests []v1.Hash
	for range 2 {
		img, err := leioci.Package(context.Background(), "testdata/lei-0.9.1",
			leioci.Annotations(map[string]string{"org.opencontainers.image.vendor": "Example"}))
		if err != nil {
			log.Fatal(err)
		}
		digest, err := img.Digest()
		if err != nil {
			log.Fatal(err)
		}
		digests = append(digests, digest)
	}
	fmt.Println(digests[0] == digests[1])
	// Output: true
}

// pushExample fills a registry for the examples that pull.
func pushExample(ctx context.Context, host string) (*leioci.Client, name.Repository) {
	client, err := leioci.New()
	if err != nil {
		log.Fatal(err)
	}
	repo, err := leioci.ParseRepository(host + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	img, err := leioci.Package(ctx, "testdata/lei-0.9.1")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.PushSnapshot(ctx, repo, []string{"2026-02-08", "latest", "weekly"}, img); err != nil {
		log.Fatal(err)
	}
	return client, repo
}
