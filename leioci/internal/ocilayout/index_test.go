package ocilayout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

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
	wide := b.index(t, many...)
	x = parse(t, indexOf(entryOf(wide)))
	if _, err := x.Referrers(t.Context(), deep.Descriptor.Digest, b.read); err != nil {
		t.Errorf("as wide as a copy may be: got %v", err)
	}
	for range 8 {
		wide = b.index(t, wide)
	}
	x = parse(t, indexOf(entryOf(wide)))
	if _, err := x.Referrers(t.Context(), deep.Descriptor.Digest, b.read); err != nil {
		t.Errorf("as deep as a copy may be: got %v", err)
	}
	for i := range 21 {
		entries := make([]string, 4900)
		for j := range entries {
			entries[j] = fmt.Sprintf(`{"mediaType":"a/b","digest":"sha256:%064x","size":1}`, 5000*i+j)
		}
		many = append(many, b.add(t, types.OCIImageIndex, indexOf(entries...)))
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
