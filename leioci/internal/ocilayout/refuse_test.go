package ocilayout_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
)

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
