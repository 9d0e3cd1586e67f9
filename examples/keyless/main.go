// Command keyless pulls a snapshot that a workflow or a person has signed, rather than the holder
// of a key, and says who it was. It refuses every other. Nothing but the registry is contacted.
//
//	keyless -trusted-root FILE -issuer URL -subject NAME REF DIR
//
// FILE is the trusted root of an instance of Sigstore, as "cosign trusted-root create" writes it.
// Credentials for the registry are those of docker login. What is signed with
//
//	cosign sign ghcr.io/org/lei-cache@sha256:…
//
// in a workflow of GitHub Actions is pulled with
//
//	keyless -trusted-root trusted_root.json -issuer https://token.actions.githubusercontent.com \
//	  -subject https://github.com/org/repo/.github/workflows/publish.yml@refs/heads/main \
//	  ghcr.io/org/lei-cache:latest lei
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/sigstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout); {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, leioci.ErrUntrusted):
		fmt.Fprintln(os.Stderr, "keyless:", err)
		os.Exit(4) // as leioci does
	default:
		fmt.Fprintln(os.Stderr, "keyless:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var identity sigstore.Identity
	flags := flag.NewFlagSet("keyless", flag.ContinueOnError)
	file := flags.String("trusted-root", "trusted_root.json", "the trusted root, a `file` in JSON")
	flags.StringVar(&identity.Issuer, "issuer", "", "who has authenticated the signer, a `URL`")
	flags.StringVar(&identity.Subject, "subject", "", "the signer's `name`")
	flags.StringVar(&identity.SubjectRegexp, "subject-regexp", "", "an `expression` for the signer's whole name, in place of -subject")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("usage: keyless -trusted-root FILE -issuer URL -subject NAME REF DIR")
	}
	ref, err := leioci.ParseReference(flags.Arg(0))
	if err != nil {
		return err
	}
	client, err := trusting(*file, identity)
	if err != nil {
		return err
	}
	res, err := client.PullSnapshot(ctx, ref, flags.Arg(1))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "pulled     %s\n", res.Ref)
	for _, s := range res.Signatures {
		fmt.Fprintf(out, "signed by  %s, %s\n", s.Signer, s.Time.Format(time.RFC3339))
	}
	return nil
}

// trusting returns a client that trusts what an identity has signed, according to the trusted root
// in a file.
func trusting(file string, identity sigstore.Identity) (*leioci.Client, error) {
	root, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	verifier, err := sigstore.New(root, []sigstore.Identity{identity})
	if err != nil {
		return nil, err
	}
	return leioci.New(leioci.WithVerifier(verifier))
}
