package leioci_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestEveryResultHasTheDigestOfTheManifest(t *testing.T) {
	reg, c := leiocitest.NewRegistry(t), newClient(t)
	img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday, report))
	must(t, err)
	digest, err := c.PushSnapshot(t.Context(), repository(t, reg), []string{"latest"}, img)
	must(t, err)
	want, err := img.Digest()
	must(t, err)
	dir, tag := filepath.Join(t.TempDir(), "lei"), repository(t, reg).Tag("latest")
	for _, tc := range []struct {
		name     string
		upToDate bool
		pull     func() (*leioci.PullResult, error)
	}{
		{"unpacked", false, func() (*leioci.PullResult, error) { return leioci.Unpack(t.Context(), misnamed{img}, dir) }},
		{"unpacked again", true, func() (*leioci.PullResult, error) { return leioci.Unpack(t.Context(), misnamed{img}, dir) }},
		{"pulled where it is", true, func() (*leioci.PullResult, error) { return c.PullSnapshot(t.Context(), tag, dir) }},
		{"by digest", true, func() (*leioci.PullResult, error) { return c.PullSnapshot(t.Context(), digest, dir) }},
		{"pulled", false, func() (*leioci.PullResult, error) {
			must(t, os.RemoveAll(dir))
			return c.PullSnapshot(t.Context(), tag, dir)
		}},
	} {
		res, err := tc.pull()
		must(t, err)
		if res.Digest != want || res.UpToDate != tc.upToDate || res.Ref != (name.Digest{}) && res.Ref.DigestStr() != want.String() {
			t.Errorf("%s: got %+v, want %s", tc.name, res, want)
		}
	}
}

// misnamed is an image whose digest is not that of its manifest.
type misnamed struct{ v1.Image }

func (misnamed) Digest() (v1.Hash, error) { return v1.NewHash("sha256:" + strings.Repeat("0", 64)) }
