package integration

import (
	"path/filepath"
	"testing"
)

func TestTheOriginalsArtifactIsPulledFromEveryServer(t *testing.T) {
	eachServer(t, func(t *testing.T, r *registry) {
		ctx, repo, oras := t.Context(), r.repository(t), newTool(t, r, "oras")
		dir := sampleFiles(t)
		for _, blob := range []string{"config.json", "manifest.json", "cache.jsonl.gz"} {
			if _, err := oras.run(ctx, dir, "blob", "push", repo.String(), blob); err != nil {
				t.Fatal(err)
			}
		}
		_, err := oras.run(ctx, dir, "manifest", "push", "--media-type", "application/vnd.oci.image.manifest.v1+json",
			repo.Tag("2026-02-08").String(), "oci-manifest.json")
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		res, err := r.client(t).PullSnapshot(ctx, repo.Tag("2026-02-08"), out)
		if err != nil {
			t.Fatal(err)
		}
		if res.Ref.DigestStr() != sampleDigest {
			t.Errorf("pulled %s, want %s", res.Ref, sampleDigest)
		}
		assertSameFiles(t, sampleDir, out, "manifest.json", "cache.jsonl.gz", "oci-manifest.json")

		img, err := r.client(t).Image(ctx, repo.Tag("2026-02-08"))
		if err != nil {
			t.Fatal(err)
		}
		digest, err := r.client(t).PushSnapshot(ctx, r.repository(t), []string{"2026-02-08"}, img)
		if err != nil || digest.DigestStr() != sampleDigest {
			t.Errorf("pushed on as %s, %v, want %s", digest, err, sampleDigest)
		}
	})
}
