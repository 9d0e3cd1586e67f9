package integration

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// signedLayouts says which of the layouts with cosign's signatures the trusted key has signed.
func signedLayouts() map[string]bool {
	return map[string]bool{"v2": true, "v3": true, "both": true, "otherkey": false, "att": false}
}

// signatureTag is where cosign 2 puts the signatures of the snapshot in them.
func signatureTag() string { return strings.Replace(signedDigest, ":", "-", 1) + ".sig" }

// A carrier is a program that copies the snapshot, with what is attached to it, between registries.
// signature says whether there is something under cosign 2's tag.
type carrier struct {
	program string
	carry   func(from, to name.Repository, signature bool) (commands [][]string)
}

func carriers() []carrier {
	return []carrier{
		{"leioci", func(from, to name.Repository, _ bool) [][]string {
			return [][]string{{"copy", from.String(), to.String()}}
		}},
		{"crane", func(from, to name.Repository, _ bool) [][]string {
			return [][]string{{"copy", "--all-tags", from.String(), to.String()}}
		}},
		{"oras", func(from, to name.Repository, signature bool) [][]string {
			commands := [][]string{{"cp", "--recursive", from.Tag("latest").String(), to.Tag("latest").String()}}
			if signature {
				commands = append(commands, []string{"cp", from.Tag(signatureTag()).String(), to.Tag(signatureTag()).String()})
			}
			return commands
		}},
		{"regctl", func(from, to name.Repository, _ bool) [][]string {
			return [][]string{{
				"image", "copy", "--host", "reg=" + from.RegistryStr() + ",tls=disabled", "--referrers", "--digest-tags",
				from.Tag("latest").String(), to.Tag("latest").String(),
			}}
		}},
	}
}

// TestWhatCosignSignedIsTrustedInEveryRegistryByWhomeverItWasCopied has registries that list
// referrers by their API and by a tag, and every client that copies signatures.
func TestWhatCosignSignedIsTrustedInEveryRegistryByWhomeverItWasCopied(t *testing.T) {
	skipIfExternal(t)
	command := buildCommand(t)
	outside := serverNamed(t, "distribution 3")
	sources := map[string]name.Repository{}
	for layout := range signedLayouts() {
		sources[layout] = outside.repository(t)
		outside.leioci(t, command, "copy", "oci-layout:"+filepath.Join(signedDir, layout), sources[layout].String())
	}
	for _, server := range []string{"distribution 3", "olareg", "ggcr in memory"} {
		inside := serverNamed(t, server)
		for _, c := range carriers() {
			for layout, trusted := range signedLayouts() {
				t.Run(server+"/"+c.program+"/"+layout, func(t *testing.T) {
					to := inside.repository(t)
					for _, args := range c.carry(sources[layout], to, layout != "v3" && layout != "att") {
						if c.program == "leioci" {
							inside.leioci(t, command, args...)
						} else if _, err := newTool(t, inside, c.program).run(t.Context(), "", args...); err != nil {
							t.Fatal(err)
						}
					}
					assertTrusted(t, inside, to, trusted)
					if c.program == "leioci" {
						assertCommandTrusts(t, inside, command, to, trusted)
					}
				})
			}
		}
	}
}

// assertTrusted pulls with the library, and copies on to another repository of the registry.
func assertTrusted(t *testing.T, r *registry, repo name.Repository, trusted bool) {
	t.Helper()
	ctx, c, onward := t.Context(), r.client(t, leioci.WithVerifier(trustedKey(t))), r.repository(t)
	res, err := c.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
	if trusted && (err != nil || res.Digest.String() != signedDigest || len(res.Signatures) != 1) {
		t.Errorf("pulled %+v, %v; want one signature", res, err)
	}
	_, copyErr := c.Copy(ctx, leioci.RegistryLocation(repo.Tag("latest")), leioci.RegistryLocation(onward.Tag("latest")))
	if trusted {
		if copyErr != nil {
			t.Fatal(copyErr)
		}
		_, copyErr = c.PullManifest(ctx, onward.Tag("latest"))
	}
	for _, err := range []error{err, copyErr} {
		if trusted && err != nil || !trusted && !errors.Is(err, leioci.ErrUntrusted) {
			t.Errorf("trusted: %t, got %v", trusted, err)
		}
	}
}

// assertCommandTrusts asks the command, with the trusted key, with both, and with the other one alone.
func assertCommandTrusts(t *testing.T, r *registry, command string, repo name.Repository, trusted bool) {
	t.Helper()
	env := environment{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	dir, key, other := t.TempDir(), filepath.Join(signedDir, "trusted.pub"), filepath.Join(signedDir, "other.pub")
	for _, args := range [][]string{
		{"pull", repo.String(), "-o", filepath.Join(dir, "pulled"), "--key", key},
		{"verify", repo.String(), "--key", key},
		{"check", repo.String(), "--repo", "https://example.org/unknown", "--key", key},
	} {
		_, stderr, err := env.run(t.Context(), "", command, append(args, r.flags()...)...)
		if untrusted := strings.Contains(stderr, "not trusted"); untrusted == trusted {
			t.Errorf("%s: trusted: %t, got %v: %s", args[0], trusted, err, stderr)
		}
	}
	_, stderr, err := env.run(t.Context(), "", command, append([]string{"verify", repo.String(), "--key", other}, r.flags()...)...)
	if trusted && (err == nil || !strings.Contains(stderr, "not trusted")) {
		t.Errorf("the other key: %v: %s", err, stderr)
	}
}

// TestASignatureThatAnotherClientAttachesIsTrusted has the bundle attached by its artifact type, as
// a referrer that cosign did not write.
func TestASignatureThatAnotherClientAttachesIsTrusted(t *testing.T) {
	skipIfExternal(t)
	for _, server := range []string{"distribution 3", "olareg", "ggcr in memory"} {
		for layout, trusted := range map[string]bool{"v3": true, "att": false} {
			t.Run(server+"/"+layout, func(t *testing.T) {
				r := serverNamed(t, server)
				repo, dir := r.repository(t), t.TempDir()
				img, err := leioci.Package(t.Context(), sampleDir)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.client(t).PushSnapshot(t.Context(), repo, []string{"latest"}, img); err != nil {
					t.Fatal(err)
				}
				assertTrusted(t, r, repo, false)
				writeFile(t, bundleOf(t, layout), dir, "bundle.json")
				const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
				_, err = newTool(t, r, "oras").run(t.Context(), dir, "attach", "--artifact-type", bundle, repo.Tag("latest").String(), "bundle.json:"+bundle)
				if err != nil {
					t.Fatal(err)
				}
				assertTrusted(t, r, repo, trusted)
			})
		}
	}
}

// bundleOf returns the bundle in a layout.
func bundleOf(t *testing.T, layout string) []byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(signedDir, layout, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var bundle struct{ DSSEEnvelope json.RawMessage }
		if text := readFile(t, path); json.Unmarshal(text, &bundle) == nil && bundle.DSSEEnvelope != nil {
			return text
		}
	}
	t.Fatalf("%s has no bundle", layout)
	return nil
}

// trustedKey returns a verifier for the key that signed.
func trustedKey(t testing.TB) leioci.Verifier {
	t.Helper()
	v, err := leioci.VerifyKey(readFile(t, signedDir, "trusted.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
