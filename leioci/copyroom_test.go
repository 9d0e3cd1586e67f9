package leioci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestMoreTagsThanALayoutCanListAreRefusedBeforeAnyBlobIsFetched(t *testing.T) {
	c, reg := newClient(t), leiocitest.NewRegistry(t)
	src := repository(t, reg)
	putImage(t, src, "one", "one", nil)
	image := putImage(t, src, "another", "another", nil)
	full := parseLocation(t, "oci-layout:"+filepath.Join(t.TempDir(), "full"))
	_, err := c.Copy(t.Context(), locate(t, src, ":another"), full)
	must(t, err)
	index := v1.IndexManifest{SchemaVersion: 2}
	for i := range 4999 {
		d := image
		d.Annotations = map[string]string{"org.opencontainers.image.ref.name": fmt.Sprintf("v%d", i)}
		index.Manifests = append(index.Manifests, d)
	}
	raw, err := json.Marshal(index)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(full.Path(), "index.json"), raw, 0o644))
	refused := func(name string, dst leioci.Location, resolved int) {
		t.Helper()
		before := len(reg.Requests())
		if _, err := c.Copy(t.Context(), locate(t, src, ""), dst, leioci.AllTags()); !errors.Is(err, leioci.ErrTooLarge) {
			t.Errorf("%s: got %v", name, err)
		}
		if n := requests(reg, before, "", "/blobs/"); n > 0 {
			t.Errorf("%s: %d requests for blobs", name, n)
		}
		if n := requests(reg, before, "", "/manifests/"); n != resolved {
			t.Errorf("%s: %d requests for manifests", name, n)
		}
	}
	refused("a full layout", full, 2)
	_, err = c.Copy(t.Context(), locate(t, src, ":another"), full)
	must(t, err) // which makes it full
	_, err = c.Copy(t.Context(), locate(t, src, "@"+image.Digest.String()), full)
	must(t, err)
	_, err = c.Copy(t.Context(), locate(t, src, ":another"), full)
	must(t, err)
	before := len(reg.Requests())
	if _, err = c.Copy(t.Context(), locate(t, src, ":one"), full); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("one more: got %v", err)
	}
	if n := requests(reg, before, "", "/blobs/"); n > 0 {
		t.Errorf("one more: %d requests for blobs", n)
	}
	snapshot := dateless(t, monday)
	if _, err := c.PushTo(t.Context(), full, []string{"new"}, snapshot); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("a push: got %v", err)
	}
	if _, err := c.PreviewPushTo(t.Context(), full, []string{"new"}, snapshot); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("a preview: got %v", err)
	}
	reg.On("GET", "/tags/list", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		var tags []string
		for i := range 5001 {
			tags = append(tags, fmt.Sprintf("v%d", i))
		}
		if r.URL.Query().Has("last") {
			tags = nil
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"tags": tags})
	})
	refused("a new archive", parseLocation(t, "oci-archive:"+filepath.Join(t.TempDir(), "new.tar")), 0)
}
