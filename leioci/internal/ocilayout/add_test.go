package ocilayout_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// isAt checks which manifest a tag or a digest names.
func isAt(t *testing.T, x *ocilayout.Index, b blobs, id string, want *store.Manifest) {
	t.Helper()
	if got, err := x.Manifest(t.Context(), id, b.read); err != nil || got.Descriptor.Digest != want.Descriptor.Digest {
		t.Errorf("%s: got %v, %v", id, got, err)
	}
}

func TestATagIsMovedAndItsFormerManifestStays(t *testing.T) {
	b := blobs{}
	one, two := b.image(t, "a"), b.image(t, "b")
	for name, annotations := range map[string]string{
		"a tag":        `"org.opencontainers.image.ref.name":"latest","k":"v"`,
		"a reference":  `"org.opencontainers.image.ref.name":"ghcr.io/x/y:latest","k":"v"`,
		"containerd's": `"org.opencontainers.image.ref.name":"latest","io.containerd.image.name":"docker.io/x/y:latest","k":"v"`,
	} {
		x := parse(t, indexOf(entryOf(one, `"annotations":{`+annotations+`}`, `"x":1`), entryOf(one, named("v1"))))
		add(t, x, two, "latest", "v2")
		x = again(t, x)
		isAt(t, x, b, "latest", two)
		isAt(t, x, b, "v2", two)
		isAt(t, x, b, "v1", one)
		if got := x.Tags(); !slices.Equal(got, []string{"v1", "latest", "v2"}) {
			t.Errorf("%s: the tags are %q", name, got)
		}
		add(t, x, two, "v1")
		x = again(t, x)
		isAt(t, x, b, "v1", two)
		isAt(t, x, b, one.Descriptor.Digest.String(), one)
	}
	x := parse(t, indexOf(entryOf(one, `"annotations":{"org.opencontainers.image.ref.name":"latest","k":"v"}`, `"x":1`)))
	add(t, x, two, "latest")
	if got := text(t, x); !strings.Contains(got, `"x":1`) || !strings.Contains(got, `"k":"v"`) {
		t.Errorf("the former manifest's entry lost more than its tag: %s", got)
	}
}

func TestAddingAgainChangesNothing(t *testing.T) {
	b := blobs{}
	m := b.image(t, "a")
	refers := b.referrer(t, "r", m)
	x := ocilayout.NewIndex()
	for i, before := 0, ""; i < 3; i++ {
		add(t, x, refers)
		add(t, x, m, "latest", "v1")
		lists, err := x.ListReferrers(t.Context(), b.read)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lists {
			b[l.Descriptor.Digest] = l.Raw
		}
		after := text(t, x)
		if i > 0 && (after != before || lists != nil) {
			t.Errorf("before\n%s, after\n%s", before, after)
		}
		before = after
		x = again(t, x)
	}
}

func TestATagThatWasNoneIsRefusedAndNothingIsAdded(t *testing.T) {
	b := blobs{}
	x := ocilayout.NewIndex()
	before := text(t, x)
	if err := x.Add(b.image(t, "a"), "v1", "a/b"); !errors.Is(err, errdef.ErrInvalidReference) || text(t, x) != before {
		t.Errorf("got %v, %s", err, text(t, x))
	}
}

func TestTheManifestsOfAnAddedIndexHaveNoEntriesOfTheirOwn(t *testing.T) {
	b := blobs{}
	one, two := b.image(t, "a"), b.image(t, "b")
	x := parse(t, indexOf(entryOf(one)))
	add(t, x, one)
	add(t, x, two)
	add(t, x, b.index(t, one, two), "latest")
	raw := text(t, x)
	if !strings.Contains(raw, one.Descriptor.Digest.Hex) || strings.Contains(raw, two.Descriptor.Digest.Hex) {
		t.Errorf("got %s", raw)
	}
	isAt(t, again(t, x), b, two.Descriptor.Digest.String(), two)
}

// list finishes an index and returns what the fallback tag of a manifest lists.
func list(t *testing.T, x *ocilayout.Index, b blobs, subject *store.Manifest) []string {
	t.Helper()
	lists, err := x.ListReferrers(t.Context(), b.read)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		b[l.Descriptor.Digest] = l.Raw
	}
	m, err := again(t, x).Manifest(t.Context(), store.ReferrersTag(subject.Descriptor.Digest), b.read)
	if err != nil {
		t.Fatal(err)
	}
	var listed struct{ Manifests []struct{ Digest string } }
	decode(t, string(m.Raw), &listed)
	var all []string
	for _, d := range listed.Manifests {
		all = append(all, d.Digest)
	}
	slices.Sort(all)
	return all
}

func TestAnAddedReferrerIsListedWhereOthersLook(t *testing.T) {
	b := blobs{}
	m := b.image(t, "a")
	one, two, three := b.referrer(t, "1", m), b.referrer(t, "2", m), b.referrer(t, "3", m)
	x := ocilayout.NewIndex()
	add(t, x, m, "latest")
	add(t, x, one)
	if got := list(t, x, b, m); !slices.Equal(got, digestsOf(one)) {
		t.Errorf("got %q", got)
	}
	if raw := text(t, x); !strings.Contains(raw, `"artifactType":"a/b"`) || !strings.Contains(raw, one.Descriptor.Digest.Hex) {
		t.Errorf("it has no entry: %s", raw)
	}
	x = again(t, x)
	add(t, x, two)
	if got := list(t, x, b, m); !slices.Equal(got, digestsOf(one, two)) {
		t.Errorf("got %q", got)
	}
	// Somebody's list, which lacks one, comes along, before or after the referrer itself.
	tag := store.ReferrersTag(m.Descriptor.Digest)
	for _, listFirst := range []bool{false, true} {
		x := again(t, x)
		if listFirst {
			add(t, x, b.index(t, three), tag)
			add(t, x, three)
		} else {
			add(t, x, three)
			add(t, x, b.index(t, three), tag)
		}
		if got := list(t, x, b, m); !slices.Equal(got, digestsOf(one, two, three)) {
			t.Errorf("got %q", got)
		}
		if n := strings.Count(text(t, x), tag); n != 1 {
			t.Errorf("%d lists", n)
		}
	}
}

func TestAListOfReferrersThatIsCompleteKeepsItsDigest(t *testing.T) {
	b := blobs{}
	m := b.image(t, "a")
	refers := b.referrer(t, "1", m)
	theirs := b.index(t, refers)
	tag := store.ReferrersTag(m.Descriptor.Digest)
	x := ocilayout.NewIndex()
	add(t, x, refers)
	add(t, x, theirs, tag)
	if lists, err := x.ListReferrers(t.Context(), b.read); err != nil || lists != nil {
		t.Errorf("got %v, %v", lists, err)
	}
	isAt(t, again(t, x), b, tag, theirs)
}

func TestATagLikeThatOfAListWhichNamesSomethingElseIsLeftAlone(t *testing.T) {
	b := blobs{}
	m, other := b.image(t, "a"), b.image(t, "b")
	tag := store.ReferrersTag(m.Descriptor.Digest)
	x := parse(t, indexOf(entryOf(other, named(tag))))
	add(t, x, b.referrer(t, "1", m))
	if lists, err := x.ListReferrers(t.Context(), b.read); err != nil || lists != nil {
		t.Errorf("got %v, %v", lists, err)
	}
	isAt(t, again(t, x), b, tag, other)
	if all, err := again(t, x).Referrers(t.Context(), m.Descriptor.Digest, b.read); err != nil || len(all) != 1 {
		t.Errorf("got %v, %v", all, err)
	}
}
