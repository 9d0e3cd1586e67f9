package ocilayout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

func TestATagIsFoundHoweverAProgramWritesIt(t *testing.T) {
	b := blobs{}
	m := b.image(t, "a")
	for annotations, want := range map[string]string{
		`"org.opencontainers.image.ref.name":"v1.0-x_y"`:                                                  "v1.0-x_y",
		`"org.opencontainers.image.ref.name":"ghcr.io/org/repo:v2"`:                                       "v2",
		`"org.opencontainers.image.ref.name":"localhost:5000/repo:v3"`:                                    "v3",
		`"org.opencontainers.image.ref.name":"repo:v4"`:                                                   "v4",
		`"org.opencontainers.image.ref.name":"ghcr.io/repo:v5@sha256:` + strings.Repeat("0", 64) + `"`:    "v5",
		`"io.containerd.image.name":"docker.io/library/repo:v6"`:                                          "v6",
		`"io.containerd.image.name":"docker.io/library/repo:v6","org.opencontainers.image.ref.name":"v7"`: "v7",
		`"org.opencontainers.image.ref.name":"localhost:5000/repo"`:                                       "",
		`"org.opencontainers.image.ref.name":"repo@sha256:` + strings.Repeat("0", 64) + `"`:               "",
		`"org.opencontainers.image.ref.name":":v8"`:                                                       "",
		`"org.opencontainers.image.ref.name":"-v9"`:                                                       "",
		`"org.opencontainers.image.ref.name":""`:                                                          "",
		`"org.opencontainers.image.ref.name":"` + strings.Repeat("x", 129) + `"`:                          "",
		`"other":"v1"`: "",
	} {
		x := parse(t, indexOf(entryOf(m, `"annotations":{`+annotations+`}`)))
		if got := strings.Join(x.Tags(), " "); got != want {
			t.Errorf("%s: got %q, want %q", annotations, got, want)
		}
		if want == "" {
			continue
		}
		if got, err := x.Manifest(t.Context(), want, b.read); err != nil || got.Descriptor.Digest != m.Descriptor.Digest || !bytes.Equal(got.Raw, m.Raw) {
			t.Errorf("%s: got %v, %v", annotations, got, err)
		}
	}
}

func TestAManifestIsFoundByItsDigestHoweverDeepItIs(t *testing.T) {
	b := blobs{}
	m := b.image(t, "a")
	inner := b.index(t, m)
	x := parse(t, indexOf(entryOf(b.index(t, inner), named("v1"))))
	for _, want := range []*store.Manifest{m, inner} {
		got, err := x.Manifest(t.Context(), want.Descriptor.Digest.String(), b.read)
		if err != nil || !bytes.Equal(got.Raw, want.Raw) || got.Descriptor.MediaType != want.Descriptor.MediaType {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestWhatIsNotInAnIndexIsNotFoundAndTheErrorSaysWhatIs(t *testing.T) {
	b := blobs{}
	x := parse(t, indexOf(entryOf(b.image(t, "a"), named("v1")), entryOf(b.image(t, "b"), named("v2"))))
	absent := b.image(t, "c").Descriptor.Digest.String()
	for id, want := range map[string]struct {
		err  error
		says string
	}{
		"v3":        {errdef.ErrNotFound, "the tags are v1, v2"},
		absent:      {errdef.ErrNotFound, absent},
		"":          {errdef.ErrInvalidReference, "no tag"},
		"a b":       {errdef.ErrInvalidReference, "no tag"},
		"../x":      {errdef.ErrInvalidReference, "no tag"},
		"sha256:00": {errdef.ErrInvalidReference, "sha256:00"},
		"md5:00":    {errdef.ErrInvalidReference, "md5"},
	} {
		if m, err := x.Manifest(t.Context(), id, b.read); !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%q: got %v, %v", id, m, err)
		}
	}
}

func TestATagThatNamesTwoManifestsIsNotGuessed(t *testing.T) {
	b := blobs{}
	one, two := b.image(t, "a"), b.image(t, "b")
	x := parse(t, indexOf(entryOf(one, named("v1")), entryOf(two, named("ghcr.io/x:v1"))))
	if m, err := x.Manifest(t.Context(), "v1", b.read); err == nil || !strings.Contains(err.Error(), two.Descriptor.Digest.String()) {
		t.Errorf("got %v, %v", m, err)
	}
	x = parse(t, indexOf(entryOf(one, named("v1")), entryOf(one, named("v1"))))
	if _, err := x.Manifest(t.Context(), "v1", b.read); err != nil {
		t.Errorf("the same one twice: %v", err)
	}
}

func TestTheDefaultIsLatestOrTheOnlyArtifact(t *testing.T) {
	b := blobs{}
	one, two := b.image(t, "a"), b.image(t, "b")
	refers := b.referrer(t, "r", one)
	attached := "sha256-" + one.Descriptor.Digest.Hex
	for name, tc := range map[string]struct {
		entries []string
		want    string
	}{
		"latest among others":       {[]string{entryOf(one, named("v1")), entryOf(two, named("latest"))}, "latest"},
		"the only one":              {[]string{entryOf(one, named("v1"))}, "v1"},
		"the only one, two tags":    {[]string{entryOf(one, named("v1")), entryOf(one, named("v2"))}, "v1"},
		"the only one, no tag":      {[]string{entryOf(one)}, one.Descriptor.Digest.String()},
		"one with a tag":            {[]string{entryOf(two), entryOf(one, named("v1"))}, "v1"},
		"one with a referrer":       {[]string{entryOf(refers), entryOf(one)}, one.Descriptor.Digest.String()},
		"one with a list":           {[]string{entryOf(b.index(t, refers), named(attached)), entryOf(one, named("v1"))}, "v1"},
		"one with a signature":      {[]string{entryOf(two, named(attached+".sig")), entryOf(one, named("v1"))}, "v1"},
		"an index and its children": {[]string{entryOf(one), entryOf(two), entryOf(b.index(t, one, two))}, b.index(t, one, two).Descriptor.Digest.String()},
		"two":                       {[]string{entryOf(one, named("v1")), entryOf(two, named("v2"))}, ""},
		"two without tags":          {[]string{entryOf(one), entryOf(two)}, ""},
		"none":                      {nil, ""},
	} {
		got, err := parse(t, indexOf(tc.entries...)).Default(t.Context(), b.read)
		if got != tc.want || (err != nil) != (tc.want == "") || err != nil && !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func digests(all []v1.Descriptor) []string {
	var hex []string
	for _, d := range all {
		hex = append(hex, d.Digest.String())
	}
	slices.Sort(hex)
	return hex
}

func digestsOf(all ...*store.Manifest) []string {
	var descriptors []v1.Descriptor
	for _, m := range all {
		descriptors = append(descriptors, m.Descriptor)
	}
	return digests(descriptors)
}

func TestReferrersAreFoundWhereverTheyAreListed(t *testing.T) {
	b := blobs{}
	m, other := b.image(t, "a"), b.image(t, "b")
	entry, listed, both, foreign := b.referrer(t, "1", m), b.referrer(t, "2", m), b.referrer(t, "3", m), b.referrer(t, "4", other)
	gone := b.referrer(t, "5", m)
	delete(b, gone.Descriptor.Digest)
	x := parse(t, indexOf(
		entryOf(m, named("latest")),
		entryOf(entry), entryOf(both), entryOf(foreign), // as oras writes them
		entryOf(b.index(t, listed, both, foreign, gone), named(store.ReferrersTag(m.Descriptor.Digest))),
		entryOf(b.image(t, "c"), `"artifactType":"a/b"`), // which says so, and has no subject
	))
	got, err := x.Referrers(t.Context(), m.Descriptor.Digest, b.read)
	if err != nil || !slices.Equal(digests(got), digestsOf(entry, listed, both)) {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, d := range got {
		if d.ArtifactType != "a/b" || d.Annotations["name"] == "" || d.MediaType != types.OCIManifestSchema1 {
			t.Errorf("got %+v", d)
		}
	}
}

func TestAnIndexThatLeadsTooFarIsRefused(t *testing.T) {
	b := blobs{}
	deep := b.image(t, "a")
	for range 20 {
		deep = b.index(t, deep)
	}
	x := parse(t, indexOf(entryOf(deep)))
	if _, err := x.Referrers(t.Context(), deep.Descriptor.Digest, b.read); !errors.Is(err, errdef.ErrTooLarge) {
		t.Errorf("deep: got %v", err)
	}
	var many []*store.Manifest
	for i := range 3 {
		var leaves []*store.Manifest
		for j := range 2000 {
			leaves = append(leaves, b.image(t, fmt.Sprint(i, " ", j)))
		}
		many = append(many, b.index(t, leaves...))
	}
	x = parse(t, indexOf(entryOf(b.index(t, many...))))
	if _, err := x.Referrers(t.Context(), deep.Descriptor.Digest, b.read); !errors.Is(err, errdef.ErrTooLarge) {
		t.Errorf("wide: got %v", err)
	}
}

func TestAChangedIndexKeepsWhatItDoesNotKnow(t *testing.T) {
	b := blobs{}
	old := `{"x":{"y":1e400},"schemaVersion":2,"annotations":{"a":"b"},"manifests":[` +
		entryOf(b.image(t, "a"), `"platform":{"os":"linux","architecture":"amd64","z":[1]}`, `"new":null`, `"annotations":{"org.opencontainers.image.ref.name":"v1","k":"<v>"}`) + `]}`
	x := parse(t, old)
	add(t, x, b.image(t, "b"), "v2")
	var before, after map[string]any
	decode(t, old, &before)
	decode(t, text(t, x), &after)
	manifests := after["manifests"].([]any)
	if got, want := encode(t, manifests[0]), encode(t, before["manifests"].([]any)[0]); got != want {
		t.Errorf("the entry is\n%s, was\n%s", got, want)
	}
	after["manifests"] = before["manifests"]
	if got, want := encode(t, after), encode(t, before); got != want || len(manifests) != 2 {
		t.Errorf("got %s, want %s", got, want)
	}
}

func decode(t *testing.T, raw string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
