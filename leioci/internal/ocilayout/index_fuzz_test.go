package ocilayout_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// FuzzIndex checks that no index.json makes its readers panic, and that one that is accepted stays
// readable, with all its tags, when something is added.
func FuzzIndex(f *testing.F) {
	b := blobs{}
	m := b.image(f, "a")
	refers := b.referrer(f, "r", m)
	for _, seed := range []string{
		indexOf(), indexOf(entryOf(m)), indexOf(entryOf(m, named("latest")), entryOf(m, named("v1"))),
		indexOf(entryOf(m, named("latest"), `"x":{"y":[1,2]}`), entryOf(refers, `"artifactType":"a/b"`)),
		indexOf(entryOf(b.index(f, refers), named(store.ReferrersTag(m.Descriptor.Digest)))),
		`{"manifests":null}`, `{"manifests":[null]}`, `[]`, `{}`, ``, `{"manifests":[{}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		x, err := ocilayout.ParseIndex([]byte(raw))
		if err != nil {
			if !errors.Is(err, errdef.ErrUnsupportedManifest) && !errors.Is(err, errdef.ErrTooLarge) {
				t.Errorf("got %v", err)
			}
			return
		}
		// Every digest leads back to the index itself.
		read := func(_ context.Context, d v1.Descriptor) ([]byte, error) {
			if there, ok := b[d.Digest]; ok {
				return there, nil
			}
			return []byte(raw), nil
		}
		for _, err := range []error{
			second(x.Default(t.Context(), read)), second(x.Referrers(t.Context(), m.Descriptor.Digest, read)),
		} {
			if err != nil && !errors.Is(err, errdef.ErrNotFound) && !errors.Is(err, errdef.ErrTooLarge) {
				t.Errorf("got %v", err)
			}
		}
		tags := append(x.Tags(), "added")
		add(t, x, refers, "added")
		if _, err := x.ListReferrers(t.Context(), read); err != nil {
			t.Fatal(err)
		}
		after := again(t, x).Tags()
		for _, tag := range tags {
			if !slices.Contains(after, tag) {
				t.Errorf("the tag %s is lost", tag)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// Each of these means one thing to one reader, and another to another.
func TestAnAmbiguousIndexIsRefused(t *testing.T) {
	b := blobs{}
	entry := entryOf(b.image(t, "a"), named("latest"))
	for name, raw := range map[string]string{
		"manifests twice":     `{"manifests":[` + entry + `],"manifests":[]}`,
		"Manifests":           `{"Manifests":[` + entry + `]}`,
		"both":                `{"manifests":[` + entry + `],"Manifests":[]}`,
		"layers":              `{"manifests":[],"layers":[]}`,
		"config":              `{"manifests":[],"config":` + emptyConfig + `}`,
		"an image's type":     `{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}`,
		"a digest twice":      indexOf(strings.Replace(entry, "{", `{"digest":"sha256:`+strings.Repeat("0", 64)+`",`, 1)),
		"an annotation twice": indexOf(strings.Replace(entry, `"annotations":{`, `"annotations":{"org.opencontainers.image.ref.name":"v1",`, 1)),
		"no digest":           indexOf(`{"size":1}`),
		"a short digest":      indexOf(`{"size":1,"digest":"sha256:00"}`),
		"a path":              indexOf(`{"size":1,"digest":"sha256:../../x"}`),
		"a negative size":     indexOf(strings.Replace(entry, `"size":`, `"size":-`, 1)),
		"null":                indexOf("null"),
		"another type":        `{"manifests":{}}`,
		"two texts":           indexOf(entry) + indexOf(entry),
		"cut":                 indexOf(entry)[:50],
		"an image":            string(b.image(t, "a").Raw),
		"empty":               "",
		"not UTF-8":           `{"manifests":[],"x":"` + "\xff" + `"}`,
	} {
		if x, err := ocilayout.ParseIndex([]byte(raw)); !errors.Is(err, errdef.ErrUnsupportedManifest) {
			t.Errorf("%s: got %v, %v", name, x, err)
		}
	}
}

func TestAnIndexTakesNoMoreThanItMay(t *testing.T) {
	b := blobs{}
	entry := entryOf(b.image(t, "a"))
	for name, raw := range map[string]string{
		"large":       indexOf(entry) + strings.Repeat(" ", 4<<20),
		"entries":     indexOf(slices.Repeat([]string{entry}, 5001)...),
		"annotations": `{"manifests":[],"annotations":{` + strings.TrimSuffix(strings.Repeat(`"a":"",`, 200_000), ",") + `}}`,
	} {
		if _, err := ocilayout.ParseIndex([]byte(raw)); !errors.Is(err, errdef.ErrTooLarge) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	x := ocilayout.NewIndex()
	for i := range 5001 {
		add(t, x, b.image(t, fmt.Sprint(i)), fmt.Sprint("v", i))
	}
	if raw, err := x.Bytes(); !errors.Is(err, errdef.ErrTooLarge) || !reflect.DeepEqual(raw, []byte(nil)) {
		t.Errorf("one that would be too large is written: %v", err)
	}
}
