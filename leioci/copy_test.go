package leioci_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// An attachedWorld is an index with all that may be attached to it, and to that.
type attachedWorld struct {
	index, child                                v1.Descriptor
	signature, onSignature, onChild             v1.Descriptor
	cosigned, sbom, signedSBOM, attested, other v1.Descriptor
}

func newAttachedWorld(t testing.TB, repo name.Repository) attachedWorld {
	t.Helper()
	var w attachedWorld
	w.child = putImage(t, repo, "", "child", nil)
	w.index = putRaw(t, repo, "2026-02-08", v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{w.child},
	})
	w.signature = putImage(t, repo, "", "signature", &w.index)
	w.onSignature = putImage(t, repo, "", "signature of a signature", &w.signature)
	w.onChild = putImage(t, repo, "", "signature of a child", &w.child)
	w.cosigned = putImage(t, repo, cosignTag(w.index, ".sig"), "cosigned", nil)
	w.attested = putImage(t, repo, cosignTag(w.child, ".att"), "attested", nil)
	w.sbom = putImage(t, repo, cosignTag(w.index, ".sbom"), "sbom", nil)
	w.signedSBOM = putImage(t, repo, cosignTag(w.sbom, ".sig"), "signed sbom", nil)
	w.other = putImage(t, repo, "other", "other", nil)
	return w
}

// in fails the test unless a repository holds all of it.
func (w attachedWorld) in(t testing.TB, c *leioci.Client, repo name.Repository) {
	t.Helper()
	holds(t, repo, "2026-02-08", w.index)
	for _, d := range []v1.Descriptor{w.child, w.signature, w.onSignature, w.onChild} {
		holds(t, repo, d.Digest.String(), d)
	}
	holds(t, repo, cosignTag(w.index, ".sig"), w.cosigned)
	holds(t, repo, cosignTag(w.child, ".att"), w.attested)
	holds(t, repo, cosignTag(w.index, ".sbom"), w.sbom)
	holds(t, repo, cosignTag(w.sbom, ".sig"), w.signedSBOM)
	for _, pair := range w.references() {
		if list := lists(t, c, repo, pair[0].Digest); !list[pair[1].Digest] || len(list) != 1 {
			t.Errorf("%s: listed are %v, want %s", pair[0].Digest, list, pair[1].Digest)
		}
	}
}

// references returns what has a referrer, each with that.
func (w attachedWorld) references() [][2]v1.Descriptor {
	return [][2]v1.Descriptor{{w.index, w.signature}, {w.signature, w.onSignature}, {w.child, w.onChild}}
}

func TestACopyBringsEverythingThatIsAttached(t *testing.T) {
	for name, registries := range map[string]func(testing.TB) (from, to *leiocitest.Registry){
		"both list by a tag": func(t testing.TB) (from, to *leiocitest.Registry) {
			return leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
		},
		"both have the API": func(t testing.TB) (from, to *leiocitest.Registry) {
			return newReferrersRegistry(t), newReferrersRegistry(t)
		},
		"from a tag to the API": func(t testing.TB) (from, to *leiocitest.Registry) {
			return leiocitest.NewRegistry(t), newReferrersRegistry(t)
		},
		"from the API to a tag": func(t testing.TB) (from, to *leiocitest.Registry) {
			return newReferrersRegistry(t), leiocitest.NewRegistry(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t)
			from, to := registries(t)
			src, dst := repository(t, from), repository(t, to)
			w := newAttachedWorld(t, src)
			res, err := c.Copy(t.Context(), locate(t, src, ":2026-02-08"), locate(t, dst, ""))
			if err != nil {
				t.Fatal(err)
			}
			if res.Digest != w.index.Digest || len(res.Tags) != 1 || res.Tags[0] != (leioci.CopiedTag{Tag: "2026-02-08", Digest: w.index.Digest}) {
				t.Errorf("got %+v", res)
			}
			if res.Manifests != 9 || res.Referrers != 7 || res.BytesCopied == 0 {
				t.Errorf("got %+v", res)
			}
			w.in(t, c, dst)

			sources, before := len(from.Requests()), len(to.Requests())
			again, err := c.Copy(t.Context(), locate(t, src, ":2026-02-08"), locate(t, dst, ""))
			if err != nil {
				t.Fatal(err)
			}
			if again.BytesCopied != 0 || again.Digest != res.Digest || again.Referrers != res.Referrers || again.Manifests != res.Manifests {
				t.Errorf("the second copy: %+v, the first: %+v", again, res)
			}
			for _, method := range []string{"PUT", "POST", "PATCH"} {
				if n := requests(to, before, method, ""); n != 0 {
					t.Errorf("the second copy: %d requests %s", n, method)
				}
			}
			if n := requests(from, sources, "", "/blobs/"); n != 0 {
				t.Errorf("the second copy: %d requests for blobs", n)
			}
			t.Logf("second copy: %d requests to the source, %d to the destination", len(from.Requests())-sources, len(to.Requests())-before)
		})
	}
}

func TestACopyThroughFilesIsTheSame(t *testing.T) {
	c := newClient(t)
	from, to := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	w := newAttachedWorld(t, src)
	dir := t.TempDir()
	stations := []leioci.Location{
		locate(t, src, ":2026-02-08"),
		parseLocation(t, "oci-archive:"+filepath.Join(dir, "lei.tar")),
		parseLocation(t, "oci-layout:"+filepath.Join(dir, "lei")),
		parseLocation(t, "oci-layout:"+filepath.Join(dir, "other")),
		parseLocation(t, "oci-archive:"+filepath.Join(dir, "other.tar")),
		locate(t, dst, ""),
	}
	for i, station := range stations[1:] {
		res, err := c.Copy(t.Context(), stations[i], station)
		if err != nil {
			t.Fatalf("%s to %s: %v", stations[i], station, err)
		}
		if res.Digest != w.index.Digest || len(res.Tags) != 1 || res.Tags[0].Tag != "2026-02-08" || res.Manifests != 9 || res.BytesCopied == 0 {
			t.Errorf("%s to %s: got %+v", stations[i], station, res)
		}
		again, err := c.Copy(t.Context(), stations[i], station)
		if err != nil {
			t.Fatalf("%s to %s again: %v", stations[i], station, err)
		}
		if again.BytesCopied != 0 || again.Digest != res.Digest || again.Manifests != res.Manifests || again.Referrers != res.Referrers {
			t.Errorf("%s to %s again: got %+v, before %+v", stations[i], station, again, res)
		}
	}
	w.in(t, c, dst)
}

func parseLocation(t testing.TB, text string) leioci.Location {
	t.Helper()
	l, err := leioci.ParseLocation(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
