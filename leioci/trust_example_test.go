package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

// A snapshot that was signed by "cosign sign --key" arrives in an OCI image layout, offline.
func ExampleVerifyKey() {
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	key, err := os.ReadFile("testdata/signed/trusted.pub")
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := leioci.VerifyKey(key) // and the next one, while keys are rotated
	if err != nil {
		log.Fatal(err)
	}
	client, err := leioci.New(leioci.WithVerifier(verifier))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"v3", "otherkey"} {
		src, err := leioci.ParseLocation("oci-layout:testdata/signed/" + name)
		if err != nil {
			log.Fatal(err)
		}
		res, err := client.PullFrom(context.Background(), src, filepath.Join(tmp, name))
		if err != nil {
			fmt.Println(name, errors.Is(err, leioci.ErrUntrusted))
			continue
		}
		for _, s := range res.Signatures {
			fmt.Printf("%s %s by %.20s…\n", name, s.Format, s.Signer)
		}
	}
	// Output:
	// v3 sigstore bundle by sha256:3b8f1695e21ef…
	// otherkey true
}

// A client that refuses what is not signed. The signature is copied along with the snapshot, and
// who signed it is still known when the directory is up to date.
func ExampleWithVerifier() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	tmp, err := os.MkdirTemp("", "leioci")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	key, err := os.ReadFile("testdata/signed/trusted.pub")
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := leioci.VerifyKey(key)
	if err != nil {
		log.Fatal(err)
	}
	client, err := leioci.New(leioci.WithVerifier(verifier))
	if err != nil {
		log.Fatal(err)
	}

	_, repo := pushExample(ctx, host) // unsigned
	_, err = client.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(tmp, "lei"))
	fmt.Println(errors.Is(err, leioci.ErrUntrusted))

	src, err := leioci.ParseLocation("oci-layout:testdata/signed/both")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Copy(ctx, src, leioci.RegistryLocation(repo.Tag("latest"))); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		res, err := client.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(tmp, "lei"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(res.UpToDate, len(res.Signatures))
	}
	// Output:
	// true
	// false 1
	// true 1
}

// approved is a verifier that trusts the artifacts of a list.
type approved map[v1.Hash]bool

func (a approved) Verify(_ context.Context, s *leioci.Subject) error {
	if !a[s.Digest] {
		return errors.New("nobody has approved it")
	}
	s.SignedBy(leioci.Signature{Signer: "security@example.org", Format: "list"})
	return nil
}

// A verifier can be anything that decides about a digest and a manifest.
func ExampleVerifier() {
	ctx := context.Background()
	host, stop := startRegistry()
	defer stop()
	client, repo := pushExample(ctx, host)

	for _, list := range []approved{
		{},
		{{Algorithm: "sha256", Hex: "47619040fe35f99f36f95366e4f40022ae9c74f343957e394aa91f5860adef4a"}: true},
	} {
		dir, err := os.MkdirTemp("", "leioci")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		res, err := client.PullSnapshot(ctx, repo.Tag("latest"), dir, leioci.WithVerifier(list))
		if err != nil {
			fmt.Println(errors.Is(err, leioci.ErrUntrusted))
			continue
		}
		fmt.Println(res.Signatures[0].Signer)
	}
	// Output:
	// true
	// security@example.org
}
