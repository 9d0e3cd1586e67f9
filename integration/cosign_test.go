package integration

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// TestWhatCosignSignsIsTrustedAndVerifiesWhereItIsCopied has cosign sign what the command pushed, with
// every kind of key and in both of its formats.
func TestWhatCosignSignsIsTrustedAndVerifiesWhereItIsCopied(t *testing.T) {
	skipIfExternal(t)
	command := buildCommand(t)
	for _, server := range []string{"distribution 3", "olareg"} {
		r := serverNamed(t, server)
		for name, kind := range keyKinds() {
			if kind.generate != nil && server == "olareg" {
				continue // the kind of key does not depend on the server
			}
			for format, flags := range map[string][]string{"sigstore bundle": nil, "simple signing": {"--new-bundle-format=false"}} {
				t.Run(server+"/"+name+"/"+format, func(t *testing.T) {
					c := newCosign(t, r)
					c.makeKey(t, "signer", kind.generate)
					c.makeKey(t, "other", nil)
					repo, copied := r.repository(t), r.repository(t)
					env := environment{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
					pushed := strings.TrimSpace(env.must(t, "", command, append([]string{"push", sampleDir, repo.String()}, r.flags()...)...))
					c.sign(t, pushed, flags...)

					res, err := r.pullTrusting(t, repo, c.public(t, "signer"))
					if err != nil || len(res.Signatures) != 1 || res.Signatures[0].Format != format {
						t.Errorf("pulled %+v, %v", res, err)
					}
					if _, err := r.pullTrusting(t, repo, c.public(t, "other")); !errors.Is(err, leioci.ErrUntrusted) {
						t.Errorf("the other key: %v", err)
					}
					r.leioci(t, command, "copy", "--key", filepath.Join(c.home, "signer.pub"), repo.String(), copied.String())
					ref, verify := copied.Digest(signedDigest).String(), slices.Concat(flags, kind.verify)
					if err := c.verify(t, ref, "signer", verify...); (err != nil) != kind.unverifiable {
						t.Errorf("cosign on what was copied: %v", err)
					}
					if err := c.verify(t, ref, "other", verify...); err == nil {
						t.Error("cosign accepts the other key")
					}
				})
			}
		}
	}
}

// A keyKind is a kind of key with which cosign signs.
type keyKind struct {
	generate func() (any, error) // nil for cosign's own kind, ECDSA P-256
	// verify are the flags with which cosign verifies what it signed. It does not always know the
	// hash by itself.
	verify []string
	// unverifiable is set if cosign refuses its own signatures.
	unverifiable bool
}

func keyKinds() map[string]keyKind {
	ec := func(c elliptic.Curve) func() (any, error) {
		return func() (any, error) { return ecdsa.GenerateKey(c, rand.Reader) }
	}
	return map[string]keyKind{
		"cosign's own": {},
		"ECDSA P-384":  {generate: ec(elliptic.P384()), verify: []string{"--signature-digest-algorithm", "sha384"}},
		"ECDSA P-521":  {generate: ec(elliptic.P521()), verify: []string{"--signature-digest-algorithm", "sha512"}},
		"RSA":          {generate: func() (any, error) { return rsa.GenerateKey(rand.Reader, 2048) }},
		"Ed25519": {unverifiable: true, generate: func() (any, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			return key, err
		}},
	}
}

// A cosign is that program, with its keys in its home.
type cosign struct{ *tool }

func newCosign(t *testing.T, r *registry) cosign { return cosign{newTool(t, r, "cosign")} }

// makeKey makes a key, or takes the one that generate makes.
func (c cosign) makeKey(t *testing.T, prefix string, generate func() (any, error)) {
	t.Helper()
	args := []string{"generate-key-pair", "--output-key-prefix", prefix}
	if generate != nil {
		key, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), c.home, prefix+".pem")
		args = []string{"import-key-pair", "--key", prefix + ".pem", "--output-key-prefix", prefix}
	}
	if _, err := c.run(t.Context(), c.home, args...); err != nil {
		t.Fatal(err)
	}
}

// sign signs without a transparency log, and without asking the network what its address is.
func (c cosign) sign(t *testing.T, ref string, flags ...string) {
	t.Helper()
	args := append([]string{"sign", "--key", "signer.key", "--yes", "--use-signing-config=false", "--tlog-upload=false"}, flags...)
	if _, err := c.run(t.Context(), c.home, append(args, ref)...); err != nil {
		t.Fatal(err)
	}
}

func (c cosign) verify(t *testing.T, ref, key string, flags ...string) error {
	t.Helper()
	args := append([]string{"verify", "--key", key + ".pub", "--insecure-ignore-tlog=true"}, flags...)
	_, err := c.run(t.Context(), c.home, append(args, ref)...)
	return err
}

func (c cosign) public(t *testing.T, key string) []byte {
	t.Helper()
	return readFile(t, c.home, key+".pub")
}

// pullTrusting pulls what a key has signed.
func (r *registry) pullTrusting(t *testing.T, repo name.Repository, key []byte) (*leioci.PullResult, error) {
	t.Helper()
	v, err := leioci.VerifyKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return r.client(t, leioci.WithVerifier(v)).PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
}
