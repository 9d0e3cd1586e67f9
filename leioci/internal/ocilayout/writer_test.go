package ocilayout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

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

func TestADirectoryOfSomethingElseIsNotWrittenTo(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  error
	}{
		"a user's files":          {map[string]string{"thesis.txt": "x"}, errdef.ErrTargetNotEmpty},
		"a hidden file":           {map[string]string{".profile": "x"}, errdef.ErrTargetNotEmpty},
		"blobs alone":             {map[string]string{"blobs": "x"}, errdef.ErrTargetNotEmpty},
		"a layout without marker": {map[string]string{"index.json": `{"manifests":[]}`}, errdef.ErrTargetNotEmpty},
		"another version":         {map[string]string{"oci-layout": `{"imageLayoutVersion":"2.0.0"}`}, errdef.ErrUnsupportedManifest},
		"an empty index.json":     {map[string]string{"oci-layout": ocilayout.Marker, "index.json": ""}, errdef.ErrUnsupportedManifest},
		"an ambiguous index.json": {map[string]string{"oci-layout": ocilayout.Marker, "index.json": `{"manifests":[],"Manifests":[]}`}, errdef.ErrUnsupportedManifest},
	} {
		dir := t.TempDir()
		for file, content := range tc.files {
			must(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
		}
		before := files(t, dir)
		if _, err := ocilayout.NewWriter(t.Context(), dir, silent()); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: got %v", name, err)
		}
		if after := files(t, dir); !slices.Equal(before, after) {
			t.Errorf("%s: it holds %q", name, after)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink("nowhere", link))
	for _, dir := range []string{file, link} {
		if _, err := ocilayout.NewWriter(t.Context(), dir, silent()); !errors.Is(err, errdef.ErrTargetNotEmpty) {
			t.Errorf("%s: got %v", dir, err)
		}
	}
	// And one that fills up between the check and the first write.
	dir := t.TempDir()
	w := newWriter(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600))
	if err := w.Commit(t.Context()); !errors.Is(err, errdef.ErrTargetNotEmpty) || len(files(t, dir)) != 1 {
		t.Errorf("got %v, it holds %q", err, files(t, dir))
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

func TestSeveralWritersLoseNobodysTag(t *testing.T) {
	const writers, tags = 8, 5
	dir := filepath.Join(t.TempDir(), "layout")
	from := open(t, filepath.Join("testdata", "both"))
	var group sync.WaitGroup
	for i := range writers {
		w := newWriter(t, dir)
		group.Go(func() {
			for j := range tags {
				err := put(t.Context(), w, from, "latest", fmt.Sprint("v", i, ".", j))
				if err == nil {
					err = w.Commit(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got, err := open(t, dir).Tags(t.Context())
	if err != nil || len(got) != writers*tags {
		t.Errorf("%d tags, %v", len(got), err)
	}
	if got := files(t, dir); slices.Contains(got, ".leioci-ingest") {
		t.Errorf("it holds %q", got)
	}
}

func TestOneWriterIsUsedByManyAtOnce(t *testing.T) {
	m := &memory{}
	var all []v1.Descriptor
	for i := range 8 {
		all = append(all, m.blob(3000+i, 1))
	}
	dir := filepath.Join(t.TempDir(), "layout")
	w := newWriter(t, dir)
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			if err := w.PutBlob(t.Context(), all[i%len(all)], &memory{blobs: m.blobs}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	must(t, w.Commit(t.Context()))
	for _, d := range all {
		if got := read(t, open(t, dir), d); !bytes.Equal(got, m.blobs[d.Digest]) {
			t.Error("a blob is not right")
		}
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
