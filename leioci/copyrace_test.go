package leioci_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// during copies to dst, while do is done, once, when the blobs are being read.
func during(t testing.TB, from *leiocitest.Registry, src, dst leioci.Location, do func(), opts ...leioci.CopyOption) error {
	t.Helper()
	reading := from.On(http.MethodGet, "/blobs/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		do()
		registry.ServeHTTP(w, r)
	})
	_, err := newClient(t).Copy(t.Context(), src, dst, opts...)
	if reading.Hits() != 1 {
		t.Errorf("%d hits", reading.Hits())
	}
	return err
}

func TestATagThatIsMadeDuringACopyIsNotOverwritten(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, other, dst := repository(t, from), inRegistry(t, from, "other/lei"), repository(t, to)
	putImage(t, src, "v1", "copied", nil)
	there := putImage(t, other, "v1", "made by another", nil)
	dir := t.TempDir()
	for _, at := range []leioci.Location{
		locate(t, dst, ""), parseLocation(t, "oci-layout:"+filepath.Join(dir, "lei")),
	} {
		err := during(t, from, locate(t, src, ":v1"), at, func() {
			if _, err := c.Copy(t.Context(), locate(t, other, ":v1"), at); err != nil {
				t.Error(err)
			}
		}, leioci.NoOverwrite())
		if !errors.Is(err, leioci.ErrTagExists) {
			t.Errorf("%s: got %v", at, err)
		}
		if got := digestAt(t, c, at.At("v1")); got != there.Digest {
			t.Errorf("%s: it holds %s", at, got)
		}
	}
}

func TestATagOfALayoutThatMovesDuringACopyIsNotMovedBack(t *testing.T) {
	c, from := newClient(t), leiocitest.NewRegistry(t)
	src, newer := repository(t, from), inRegistry(t, from, "newer/lei")
	_, err := c.PushSnapshot(t.Context(), src, []string{"latest"}, dateless(t, monday))
	must(t, err)
	ref, err := c.PushSnapshot(t.Context(), newer, []string{"latest"}, dateless(t, tuesday))
	must(t, err)
	at := parseLocation(t, "oci-layout:"+filepath.Join(t.TempDir(), "lei"))
	err = during(t, from, locate(t, src, ""), at, func() {
		if _, err := c.Copy(t.Context(), locate(t, newer, ""), at); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, leioci.ErrOlder) {
		t.Errorf("got %v", err)
	}
	if got := digestAt(t, c, at.At("latest")); got.String() != ref.DigestStr() {
		t.Errorf("it holds %s", got)
	}
}

// digestAt returns the digest of what a location names.
func digestAt(t testing.TB, c *leioci.Client, at leioci.Location) v1.Hash {
	t.Helper()
	r, err := c.Open(t.Context(), at)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	d, _, err := r.Manifest(t.Context(), "")
	must(t, err)
	return d.Digest
}
