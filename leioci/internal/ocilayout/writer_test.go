package ocilayout_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

func TestALayoutThatWasWrittenIsReadByOthers(t *testing.T) {
	for _, name := range []string{"both", "att"} {
		dir := filepath.Join(t.TempDir(), "new", "layout")
		from := open(t, filepath.Join("testdata", name))
		w := newWriter(t, dir)
		must(t, putAll(t.Context(), w, from))
		if got := files(t, dir); !slices.Equal(got, []string{"blobs", "blobs/sha256", "index.json", "oci-layout"}) {
			t.Errorf("%s: it holds %q", name, got)
		}
		tags, err := from.Tags(t.Context())
		must(t, err)
		to := open(t, dir)
		for _, tag := range tags {
			want, err := from.Manifest(t.Context(), tag)
			must(t, err)
			if got, err := to.Manifest(t.Context(), tag); err != nil || !bytes.Equal(got.Raw, want.Raw) {
				t.Errorf("%s: %s: got %v, %v", name, tag, got, err)
			}
		}
		subject, err := v1.NewHash(artifact)
		must(t, err)
		want, err := from.Referrers(t.Context(), subject)
		must(t, err)
		if got, err := to.Referrers(t.Context(), subject); err != nil || !slices.Equal(digests(got), digests(want)) {
			t.Errorf("%s: the referrers are %v, %v", name, got, err)
		}
		index, err := layout.ImageIndexFromPath(dir)
		must(t, err)
		im, err := index.IndexManifest()
		must(t, err)
		for _, d := range im.Manifests {
			if d.MediaType.IsImage() {
				img, err := index.Image(d.Digest)
				must(t, err)
				raw, err := img.RawManifest()
				if err != nil || int64(len(raw)) != d.Size {
					t.Errorf("%s: %v: %v", name, d, err)
				}
			}
		}
	}
}

func TestWhatIsInALayoutStays(t *testing.T) {
	dir := t.TempDir()
	img, err := random.Image(2000, 2)
	must(t, err)
	path, err := layout.Write(dir, empty.Index)
	must(t, err)
	platform := v1.Platform{OS: "linux", Architecture: "amd64"}
	must(t, path.AppendImage(img, layout.WithPlatform(platform), layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": "theirs", "x": "y",
	})))
	w := newWriter(t, dir)
	must(t, putAll(t.Context(), w, open(t, filepath.Join("testdata", "both"))))
	index, err := layout.ImageIndexFromPath(dir)
	must(t, err)
	im, err := index.IndexManifest()
	must(t, err)
	d := im.Manifests[0]
	if d.Platform == nil || !d.Platform.Equals(platform) || d.Annotations["x"] != "y" || d.Annotations["org.opencontainers.image.ref.name"] != "theirs" {
		t.Errorf("their entry is %+v", d)
	}
	theirs, err := index.Image(d.Digest)
	must(t, err)
	config, err := theirs.ConfigFile()
	if err != nil || len(config.RootFS.DiffIDs) != 2 {
		t.Errorf("their image has the config %+v, %v", config, err)
	}
}

func TestNothingIsVisibleBeforeCommit(t *testing.T) {
	dir := copyOf(t, "both")
	before, err := os.ReadFile(filepath.Join(dir, "index.json"))
	must(t, err)
	absent := filepath.Join(t.TempDir(), "new")
	for _, to := range []string{dir, absent} {
		w := newWriter(t, to)
		if has, err := w.HasBlob(t.Context(), (&memory{}).blob(10, 1)); has || err != nil {
			t.Errorf("got %v, %v", has, err)
		}
		if to == absent {
			if _, err := os.Stat(absent); err == nil {
				t.Error("the directory is made before anything is put")
			}
		}
		must(t, put(t.Context(), w, open(t, filepath.Join("testdata", "att")), "latest", "new"))
		must(t, w.Close())
	}
	if after, err := os.ReadFile(filepath.Join(dir, "index.json")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("index.json is %s, %v", after, err)
	}
	if _, err := ocilayout.Open(t.Context(), absent); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	w := newWriter(t, absent) // and it goes on there
	must(t, putAll(t.Context(), w, open(t, dir)))
}

// Whoever reads index.json while it is replaced has the old one or the new one.
func TestIndexIsNotWrittenInPlace(t *testing.T) {
	dir := copyOf(t, "both")
	before, err := os.ReadFile(filepath.Join(dir, "index.json"))
	must(t, err)
	old, err := os.Open(filepath.Join(dir, "index.json"))
	must(t, err)
	w := newWriter(t, dir)
	must(t, put(t.Context(), w, open(t, dir), "latest", "new"))
	must(t, w.Commit(t.Context()))
	if got, err := io.ReadAll(old); err != nil || !bytes.Equal(got, before) {
		t.Errorf("the old file is %s, %v", got, err)
	}
	must(t, old.Close())
	if _, err := open(t, dir).Manifest(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	// What changes nothing writes nothing.
	info, err := os.Stat(filepath.Join(dir, "index.json"))
	must(t, err)
	must(t, put(t.Context(), w, open(t, dir), "latest", "new"))
	must(t, w.Commit(t.Context()))
	if now, err := os.Stat(filepath.Join(dir, "index.json")); err != nil || !os.SameFile(info, now) {
		t.Errorf("index.json was written again, %v", err)
	}
}

func TestABlobThatIsThereIsBelievedOnlyIfItIsRight(t *testing.T) {
	m := &memory{}
	d := m.blob(5000, 1)
	for name, tc := range map[string]struct {
		content []byte
		has     bool
	}{
		"it":        {m.blobs[d.Digest], true},
		"zeros":     {make([]byte, 5000), false},
		"cut":       {m.blobs[d.Digest][:4000], false},
		"a longer":  {append(bytes.Clone(m.blobs[d.Digest]), 0), false},
		"no longer": {nil, false},
	} {
		dir := copyOf(t, "both")
		if tc.content != nil {
			must(t, os.WriteFile(blobFile(dir, d.Digest), tc.content, 0o600))
		}
		w := newWriter(t, dir)
		if has, err := w.HasBlob(t.Context(), d); has != tc.has || err != nil {
			t.Errorf("%s: got %v, %v", name, has, err)
		}
		m.read = 0
		must(t, w.PutBlob(t.Context(), d, m))
		if (m.read == 0) != tc.has {
			t.Errorf("%s: %d bytes were fetched", name, m.read)
		}
		if got, err := os.ReadFile(blobFile(dir, d.Digest)); err != nil || !bytes.Equal(got, m.blobs[d.Digest]) {
			t.Errorf("%s: the blob is not right, %v", name, err)
		}
	}
}

func TestAnInterruptedBlobIsContinuedAndACommitTidiesUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	m := &memory{breakAt: 3000}
	d, other := m.blob(5000, 1), m.blob(4000, 2)
	w := newWriter(t, dir)
	for _, d := range []v1.Descriptor{d, other} {
		if err := w.PutBlob(t.Context(), d, m); !errors.Is(err, errBroken) {
			t.Fatalf("got %v", err)
		}
	}
	must(t, w.Close())
	m.breakAt, m.read = 0, 0
	w = newWriter(t, dir)
	must(t, w.PutBlob(t.Context(), d, m))
	if m.read != 2000 {
		t.Errorf("%d bytes were fetched", m.read)
	}
	if !slices.Contains(files(t, dir), ".leioci-ingest/sha256-"+other.Digest.Hex) {
		t.Errorf("there is %q", files(t, dir))
	}
	must(t, w.Commit(t.Context()))
	if got := files(t, dir); !slices.Equal(got, []string{"blobs", "blobs/sha256", "index.json", "oci-layout"}) {
		t.Errorf("it holds %q", got)
	}
}

func TestBlobsAndManifestsByOtherDigestsAreWritten(t *testing.T) {
	digest := func(content []byte) v1.Descriptor {
		return v1.Descriptor{Size: int64(len(content)), Digest: v1.Hash{Algorithm: "sha512", Hex: fmt.Sprintf("%x", sha512.Sum512(content))}}
	}
	config := []byte("{}")
	raw := []byte(strings.Replace(string((blobs{}).image(t, "a").Raw), emptyConfig,
		fmt.Sprintf(`{"mediaType":"a/b","size":2,"digest":%q}`, digest(config).Digest), 1))
	dir := filepath.Join(t.TempDir(), "layout")
	w := newWriter(t, dir)
	m := &store.Manifest{Descriptor: digest(raw), Raw: raw}
	m.Descriptor.MediaType = types.OCIManifestSchema1
	must(t, w.PutBlob(t.Context(), digest(config), &memory{blobs: map[v1.Hash][]byte{digest(config).Digest: config}}))
	must(t, w.PutManifest(t.Context(), m, "v1"))
	must(t, w.Commit(t.Context()))
	l := open(t, dir)
	if got := read(t, l, digest(config)); !bytes.Equal(got, config) {
		t.Errorf("got %q", got)
	}
	if got, err := l.Manifest(t.Context(), "v1"); err != nil || got.Descriptor.Digest != m.Descriptor.Digest {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAManifestThatIsNotWhatItsDescriptorSaysIsRefused(t *testing.T) {
	dir := copyOf(t, "both")
	m, err := open(t, dir).Manifest(t.Context(), "latest")
	must(t, err)
	w := newWriter(t, dir)
	wrong := &store.Manifest{Descriptor: m.Descriptor, Raw: append(bytes.Clone(m.Raw), ' ')}
	if err := w.PutManifest(t.Context(), wrong); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("got %v", err)
	}
	if err := w.PutManifest(t.Context(), m, "a/b"); !errors.Is(err, errdef.ErrInvalidReference) {
		t.Errorf("got %v", err)
	}
}

func TestAReferrerThatIsWrittenIsFoundTheWaysThatOthersLook(t *testing.T) {
	from := open(t, filepath.Join("testdata", "att"))
	subject, err := v1.NewHash(artifact)
	must(t, err)
	all, err := from.Referrers(t.Context(), subject)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "layout")
	w := newWriter(t, dir)
	must(t, put(t.Context(), w, from, "latest", "latest"))
	must(t, put(t.Context(), w, from, all[0].Digest.String()))
	must(t, w.Commit(t.Context()))
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	must(t, err)
	var index v1.IndexManifest
	must(t, json.Unmarshal(raw, &index))
	if !slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool {
		return d.Digest == all[0].Digest && d.ArtifactType == all[0].ArtifactType && len(d.Annotations) == 0
	}) {
		t.Errorf("index.json has no entry for it: %s", raw)
	}
	m, err := open(t, dir).Manifest(t.Context(), store.ReferrersTag(subject))
	if err != nil || !bytes.Contains(m.Raw, []byte(all[0].Digest.Hex)) {
		t.Errorf("the list is %v, %v", m, err)
	}
}
