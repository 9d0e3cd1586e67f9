package integration

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// Layouts with the sample and what cosign attached to it, and the digest of the sample as this library
// packages it.
const (
	signedDir    = "../leioci/testdata/signed"
	signedDigest = "sha256:47619040fe35f99f36f95366e4f40022ae9c74f343957e394aa91f5860adef4a"
)

// publishSigned fills a repository by means of other clients: with the snapshot under two tags, its
// signatures of both of cosign's kinds, an attestation, and a bill of materials. Registries that have
// the referrers API list them there, and for the others the clients keep an index under a tag.
func publishSigned(t *testing.T, r *registry, repo name.Repository) {
	t.Helper()
	ctx, regctl, oras := t.Context(), newTool(t, r, "regctl"), newTool(t, r, "oras")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(signedDir)); err != nil { // regctl locks what it reads
		t.Fatal(err)
	}
	for _, layout := range []string{"both", "att"} {
		for _, tag := range []string{"2026-02-08", "latest"} {
			_, err := regctl.run(ctx, dir, "image", "copy", "--referrers", "--digest-tags", "ocidir://"+layout+":latest", repo.Tag(tag).String())
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	writeFile(t, []byte(`{"spdxVersion":"SPDX-2.3"}`), dir, "bom.json")
	_, err := oras.run(ctx, dir, "attach", "--artifact-type", "application/spdx+json", repo.Tag("latest").String(), "bom.json:application/spdx+json")
	if err != nil {
		t.Fatal(err)
	}
}

// attachments are what three clients see of what is attached to a snapshot.
type attachments struct {
	oras, regctl map[string]string // the digests of the referrers, and their types
	signature    string            // the digest under cosign's tag
}

// attached asks the clients, who must also see the snapshot's own digest.
func attached(t *testing.T, r *registry, repo name.Repository) attachments {
	t.Helper()
	run := func(program string, args ...string) string {
		t.Helper()
		out, err := newTool(t, r, program).run(t.Context(), "", args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	latest := repo.Tag("latest").String()
	skopeo := []string{"inspect", "--raw", "docker://" + latest}
	if r.plainHTTP {
		skopeo = append(skopeo, "--tls-verify=false")
	}
	if got := "sha256:" + sha256Hex(run("skopeo", skopeo...)); got != signedDigest {
		t.Errorf("skopeo inspects %s", got)
	}
	return attachments{
		oras:      referrersOf(t, run("oras", "discover", "--format", "json", latest), "referrers"),
		regctl:    referrersOf(t, run("regctl", "artifact", "list", "--format", "{{json .}}", latest), "descriptors"),
		signature: run("crane", "digest", repo.Tag(strings.Replace(signedDigest, ":", "-", 1)+".sig").String()),
	}
}

// referrersOf reads a client's list, which is a member of its output.
func referrersOf(t *testing.T, output, member string) map[string]string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(output), &all); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	var list []struct{ Digest, ArtifactType string }
	if err := json.Unmarshal(all[member], &list); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	types := map[string]string{}
	for _, d := range list {
		types[d.Digest] = d.ArtifactType
	}
	return types
}

func assertSameAttached(t *testing.T, want, got attachments) {
	t.Helper()
	if len(want.oras) != 3 || !maps.Equal(want.oras, want.regctl) {
		t.Fatalf("outside there should be three referrers for both clients: %v, %v", want.oras, want.regctl)
	}
	if !maps.Equal(got.oras, want.oras) || !maps.Equal(got.regctl, want.regctl) || got.signature != want.signature {
		t.Errorf("attached is %+v, want %+v", got, want)
	}
}

// everyBlob lists the digests of what regctl copies of a snapshot and everything attached to it. It
// leaves out indexes, since that of the referrers depends on who made it.
func everyBlob(t *testing.T, r *registry, repo name.Repository) []string {
	t.Helper()
	dir := t.TempDir()
	_, err := newTool(t, r, "regctl").run(t.Context(), dir, "image", "copy", "--referrers", "--digest-tags",
		repo.Tag("latest").String(), "ocidir://copy:latest") // a name without what regctl forbids in a path
	if err != nil {
		t.Fatal(err)
	}
	blobs := filepath.Join(dir, "copy/blobs/sha256")
	entries, err := os.ReadDir(blobs)
	if err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, e := range entries {
		content := readFile(t, blobs, e.Name())
		if sha256Hex(content) != e.Name() {
			t.Errorf("%s is something else", e.Name())
		}
		var index struct{ Manifests []any }
		if json.Unmarshal(content, &index) != nil || index.Manifests == nil {
			digests = append(digests, e.Name())
		}
	}
	return digests
}

func assertSameBlobs(t *testing.T, want, got []string) {
	t.Helper()
	if len(want) < 12 { // the snapshot, its four blobs, and what is attached
		t.Fatalf("outside there are only %d blobs", len(want))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the blobs are %q, want %q", got, want)
	}
}
