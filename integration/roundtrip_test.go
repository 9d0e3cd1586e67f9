package integration

import (
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A snapshot made by the original client, and its digest in a registry.
const (
	sampleDir    = "../leioci/testdata/lei-0.9.1"
	sampleDigest = "sha256:22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8"
)

func TestWhatIsPushedIsPulledFromEveryServer(t *testing.T) {
	dir := bigSnapshot(t, 8)
	eachServer(t, func(t *testing.T, r *registry) {
		ctx, repo := t.Context(), r.repository(t)
		img, err := leioci.Package(ctx, dir)
		if err != nil {
			t.Fatal(err)
		}
		tags := leioci.GenerateTags(sunday())
		pushed, err := r.client(t).PushSnapshot(ctx, repo, tags, img)
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.client(t).PushSnapshot(ctx, repo, tags, img)
		if err != nil || again != pushed {
			t.Errorf("pushed again: %s, %v, want %s", again, err, pushed)
		}

		c := r.client(t) // not the one that pushed
		listed, err := c.Tags(ctx, repo)
		slices.Sort(listed)
		if want := slices.Sorted(slices.Values(tags)); err != nil || !slices.Equal(listed, want) {
			t.Errorf("tags %q, %v, want %q", listed, err, want)
		}
		out := filepath.Join(t.TempDir(), "out")
		for _, upToDate := range []bool{false, true} {
			res, err := c.PullSnapshot(ctx, repo.Tag("latest"), out)
			if err != nil {
				t.Fatal(err)
			}
			if res.Ref != pushed || res.UpToDate != upToDate {
				t.Errorf("pulled %s, up to date: %t; want %s, %t", res.Ref, res.UpToDate, pushed, upToDate)
			}
		}
		assertSameFiles(t, dir, out, "manifest.json", "cache.jsonl.gz")
		s, err := snapshot.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestTheContractsFunctionsWorkWithEveryServer(t *testing.T) {
	eachServer(t, func(t *testing.T, r *registry) {
		ctx, repo, c := t.Context(), r.repository(t), r.client(t)
		img, err := leioci.Package(ctx, sampleDir)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := img.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		blobs, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		configName, err := img.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		blob, err := leioci.NewBlob(configName, config)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := c.Push(ctx, repo, []string{"a", "b"}, manifest, append(blobs, blob))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"a", "b"} {
			m, err := c.PullManifest(ctx, repo.Tag(id))
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Raw) != string(manifest) || m.Descriptor.Digest.String() != digest.DigestStr() {
				t.Errorf("%s has a different manifest, %s", id, m.Descriptor.Digest)
			}
		}
		body, err := c.PullBlob(ctx, repo.Digest(configName.String()))
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if got, err := io.ReadAll(body); err != nil || string(got) != string(config) {
			t.Errorf("the config is %q, %v", got, err)
		}
		if _, err := c.PullManifest(ctx, repo.Tag("absent")); !errors.Is(err, leioci.ErrNotFound) {
			t.Errorf("an absent tag: %v, want ErrNotFound", err)
		}
		if _, err := c.PullBlob(ctx, repo.Digest("sha256:"+sha256Hex("absent"))); !errors.Is(err, leioci.ErrNotFound) {
			t.Errorf("an absent blob: %v, want ErrNotFound", err)
		}
		if r.dockerConfig != "" && !r.external {
			r.assertRefuses(t, repo.Tag("a"))
		}
	})
}

// assertRefuses fails unless the registry, which requires credentials, refuses wrong and missing
// ones.
func (r *registry) assertRefuses(t *testing.T, ref name.Reference) {
	t.Helper()
	wrong := leioci.DockerConfigKeychain(writeDockerConfig(t, r.host, "lei", "wrong"))
	for name, keychain := range map[string]authn.Keychain{"none": authn.NewMultiKeychain(), "wrong": wrong} {
		_, err := r.client(t, leioci.WithKeychain(keychain)).PullManifest(t.Context(), ref)
		if !errors.Is(err, leioci.ErrUnauthorized) {
			t.Errorf("credentials: %s: %v, want ErrUnauthorized", name, err)
		}
	}
}

func sunday() time.Time { return time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC) }

// bigSnapshot writes a snapshot of n reports, each with about 1 MiB that hardly compresses.
func bigSnapshot(t testing.TB, n int) string {
	t.Helper()
	random := rand.NewChaCha8([32]byte{})
	noise := make([]byte, 3<<18)
	reports := make([]string, n)
	for i := range reports {
		_, _ = random.Read(noise) // never fails
		reports[i] = `{"data":{"repo":"https://example.org/a","risk":"low","results":"` + base64.StdEncoding.EncodeToString(noise) + `"}}`
	}
	return leiocitest.WriteSnapshot(t, sunday(), reports...)
}
