package leioci_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	ggcrregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// newReferrersRegistry returns a registry with the API for referrers, which [leiocitest.NewRegistry]
// has not.
func newReferrersRegistry(t testing.TB) *leiocitest.Registry {
	t.Helper()
	return leiocitest.Serve(t, ggcrregistry.New(ggcrregistry.WithReferrersSupport(true), ggcrregistry.Logger(log.New(io.Discard, "", 0))))
}

// locate returns the location of a repository, with what may follow its name.
func locate(t testing.TB, repo name.Repository, id string) leioci.Location {
	t.Helper()
	l, err := leioci.ParseLocation(repo.String() + id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// rawManifest is a manifest to be put as it is.
type rawManifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }

// putRaw puts a manifest under a tag, and returns its descriptor. It is encoded in an unusual way, so
// that whoever encodes it again changes its digest.
func putRaw(t testing.TB, repo name.Repository, tag string, manifest any) v1.Descriptor {
	t.Helper()
	raw, err := json.MarshalIndent(manifest, " ", "   ")
	if err != nil {
		t.Fatal(err)
	}
	var kind struct {
		MediaType types.MediaType `json:"mediaType"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		t.Fatal(err)
	}
	digest, size, err := v1.SHA256(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	ref := name.Reference(repo.Digest(digest.String()))
	if tag != "" {
		ref = repo.Tag(tag)
	}
	if err := remote.Put(ref, rawManifest{raw, kind.MediaType}); err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{MediaType: kind.MediaType, Digest: digest, Size: size}
}

// putBlob puts a blob.
func putBlob(t testing.TB, repo name.Repository, content string, mediaType types.MediaType) v1.Descriptor {
	t.Helper()
	layer := static.NewLayer([]byte(content), mediaType)
	if err := remote.WriteLayer(repo, layer); err != nil {
		t.Fatal(err)
	}
	digest, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: int64(len(content))}
}

// putImage puts an image with a layer of the given content. subject may be nil.
func putImage(t testing.TB, repo name.Repository, tag, content string, subject *v1.Descriptor) v1.Descriptor {
	t.Helper()
	return putRaw(t, repo, tag, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Subject: subject,
		Config: putBlob(t, repo, `{"of":"`+content+`"}`, "application/vnd.example.config+json"),
		Layers: []v1.Descriptor{putBlob(t, repo, content, "application/vnd.example.layer")},
	})
}

// cosignTag is the tag that cosign makes of a digest.
func cosignTag(d v1.Descriptor, suffix string) string {
	return strings.ReplaceAll(d.Digest.String(), ":", "-") + suffix
}

// holds fails the test unless a repository has a manifest, byte for byte, and all its blobs.
func holds(t testing.TB, repo name.Repository, id string, want v1.Descriptor) {
	t.Helper()
	ref := name.Reference(repo.Tag(id))
	if strings.Contains(id, ":") {
		ref = repo.Digest(id)
	}
	got, err := remote.Get(ref)
	if err != nil {
		t.Errorf("%s: %v", ref, err)
		return
	}
	if got.Digest != want.Digest || got.MediaType != want.MediaType {
		t.Errorf("%s: got %s (%s), want %s (%s)", ref, got.Digest, got.MediaType, want.Digest, want.MediaType)
	}
	var m v1.Manifest
	if err := json.Unmarshal(got.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	if !got.MediaType.IsImage() {
		return
	}
	for _, d := range append(m.Layers, m.Config) {
		layer, err := remote.Layer(repo.Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		rc, err := layer.Compressed()
		if err != nil {
			t.Errorf("%s: blob %s: %v", ref, d.Digest, err)
			continue
		}
		n, err := io.Copy(io.Discard, rc)
		if rc.Close(); n != d.Size || err != nil {
			t.Errorf("%s: blob %s: %d bytes, %v", ref, d.Digest, n, err)
		}
	}
}

// requests returns how many requests of a kind a registry has got since there were so many.
func requests(reg *leiocitest.Registry, since int, method, contains string) int {
	n := 0
	for _, r := range reg.Requests()[since:] {
		if strings.HasPrefix(r, method) && strings.Contains(r, contains) {
			n++
		}
	}
	return n
}

// lists returns the digests that a repository lists as referrers, as the library sees them.
func lists(t testing.TB, c *leioci.Client, repo name.Repository, subject v1.Hash) map[v1.Hash]bool {
	t.Helper()
	r, err := c.Open(t.Context(), locate(t, repo, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { must(t, r.Close()) }()
	list, err := r.Referrers(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	all := map[v1.Hash]bool{}
	for _, d := range list {
		if all[d.Digest] {
			t.Errorf("%s is listed twice", d.Digest)
		}
		all[d.Digest] = true
	}
	return all
}

var (
	_ = fmt.Sprint
	_ http.Handler
)
