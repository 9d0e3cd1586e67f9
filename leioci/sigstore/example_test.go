package sigstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

// A snapshot is pulled if a workflow of one repository has signed it. A real program reads the trusted
// root from a file. Here it is that of an instance in memory.
func ExampleNew() {
	ctx := context.Background()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repo, err := leioci.ParseRepository(strings.TrimPrefix(server.URL, "http://") + "/org/lei-cache")
	if err != nil {
		log.Fatal(err)
	}
	trustedRoot, sign, err := publish(ctx, repo)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	verifier, err := sigstore.New(trustedRoot, []sigstore.Identity{{
		Issuer:        "https://token.actions.githubusercontent.com",
		SubjectRegexp: `https://github\.com/org/lei/\.github/workflows/.*@refs/heads/main`,
	}})
	if err != nil {
		log.Fatal(err)
	}
	client, err := leioci.New(leioci.WithVerifier(verifier))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(dir, "lei"))
	fmt.Println("not signed yet, it is refused:", errors.Is(err, leioci.ErrUntrusted))

	if err := sign(); err != nil {
		log.Fatal(err)
	}
	result, err := client.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(dir, "lei"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed by", result.Signatures[0].Signer)
	// Output:
	// not signed yet, it is refused: true
	// signed by https://github.com/org/lei/.github/workflows/publish.yml@refs/heads/main (https://token.actions.githubusercontent.com)
}

// publish pushes a snapshot. It returns the trusted root of an instance of Sigstore, and a function that
// signs the snapshot there as a workflow.
func publish(ctx context.Context, repo name.Repository) (trustedRoot []byte, sign func() error, err error) {
	instance, err := sigstoretest.New()
	if err != nil {
		return nil, nil, err
	}
	img, err := leioci.Package(ctx, "../testdata/lei-0.9.1")
	if err != nil {
		return nil, nil, err
	}
	client, err := leioci.New()
	if err != nil {
		return nil, nil, err
	}
	if _, err := client.PushSnapshot(ctx, repo, []string{"latest"}, img); err != nil {
		return nil, nil, err
	}
	return instance.Root(), func() error {
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		bundle, err := instance.Sign("https://github.com/org/lei/.github/workflows/publish.yml@refs/heads/main",
			"https://token.actions.githubusercontent.com", digest)
		if err != nil {
			return err
		}
		return sigstoretest.Attach(ctx, http.DefaultTransport, repo, digest, bundle)
	}, nil
}
