package ocilayout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// blobs are manifests by their digest.
type blobs map[v1.Hash][]byte

func (b blobs) read(_ context.Context, d v1.Descriptor) ([]byte, error) {
	raw, ok := b[d.Digest]
	if !ok {
		return nil, fmt.Errorf("%w: %s", errdef.ErrNotFound, d.Digest)
	}
	return raw, nil
}

// add keeps a manifest, and returns it with its descriptor.
func (b blobs) add(t testing.TB, mediaType types.MediaType, raw string) *store.Manifest {
	t.Helper()
	digest, size, err := v1.SHA256(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	b[digest] = []byte(raw)
	return &store.Manifest{Raw: []byte(raw), Descriptor: v1.Descriptor{MediaType: mediaType, Size: size, Digest: digest}}
}

const emptyConfig = `{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}`

// image keeps an image manifest that differs from others by its name.
func (b blobs) image(t testing.TB, name string) *store.Manifest {
	t.Helper()
	return b.add(t, types.OCIManifestSchema1, fmt.Sprintf(
		`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[],"annotations":{"name":%q}}`,
		types.OCIManifestSchema1, emptyConfig, name))
}

// referrer is image for one with a subject.
func (b blobs) referrer(t testing.TB, name string, subject *store.Manifest) *store.Manifest {
	t.Helper()
	return b.add(t, types.OCIManifestSchema1, fmt.Sprintf(
		`{"schemaVersion":2,"mediaType":%q,"artifactType":"a/b","config":%s,"layers":[],"annotations":{"name":%q},"subject":%s}`,
		types.OCIManifestSchema1, emptyConfig, name, entryOf(subject)))
}

// index keeps an index of manifests.
func (b blobs) index(t testing.TB, of ...*store.Manifest) *store.Manifest {
	t.Helper()
	entries := make([]string, len(of))
	for i, m := range of {
		entries[i] = entryOf(m)
	}
	return b.add(t, types.OCIImageIndex, indexOf(entries...))
}

// indexOf returns an index with entries.
func indexOf(entries ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"manifests":[%s]}`, strings.Join(entries, ","))
}

// entryOf returns an entry for a manifest, with further members.
func entryOf(m *store.Manifest, members ...string) string {
	d := m.Descriptor
	all := append([]string{fmt.Sprintf(`"mediaType":%q,"digest":%q,"size":%d`, d.MediaType, d.Digest, d.Size)}, members...)
	return "{" + strings.Join(all, ",") + "}"
}

func named(tag string) string {
	return fmt.Sprintf(`"annotations":{"org.opencontainers.image.ref.name":%q}`, tag)
}

func parse(t *testing.T, raw string) *ocilayout.Index {
	t.Helper()
	x, err := ocilayout.ParseIndex([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// again returns an index as the next one who reads it sees it.
func again(t *testing.T, x *ocilayout.Index) *ocilayout.Index {
	t.Helper()
	return parse(t, text(t, x))
}

func text(t *testing.T, x *ocilayout.Index) string {
	t.Helper()
	raw, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func add(t *testing.T, x *ocilayout.Index, m *store.Manifest, tags ...string) {
	t.Helper()
	if err := x.Add(m, tags...); err != nil {
		t.Fatal(err)
	}
}
