package leioci_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// pushTogether pushes the snapshots of some days at the same time, and returns what they and their
// pushes are.
func pushTogether(t *testing.T, dst leioci.Location, tag string, opts ...leioci.PushOption) (digests []v1.Hash, errs []error) {
	t.Helper()
	const days = 6
	digests, errs = make([]v1.Hash, days), make([]error, days)
	begin := make(chan struct{})
	var pushes sync.WaitGroup
	for i := range days {
		img := must2(leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday.AddDate(0, 0, -i))))
		digests[i] = must2(img.Digest())
		pushes.Go(func() {
			<-begin
			_, errs[i] = newClient(t).PushTo(t.Context(), dst, []string{tag}, img, opts...)
		})
	}
	close(begin)
	pushes.Wait()
	return digests, errs
}

func TestOfPushesThatOverwriteNothingOneMakesATag(t *testing.T) {
	for _, scheme := range []string{"oci-layout:", "oci-archive:"} {
		dst := parseLocation(t, scheme+filepath.Join(t.TempDir(), "lei"))
		digests, errs := pushTogether(t, dst, "v1", leioci.NoOverwrite())
		there, made := digestAt(t, newClient(t), dst.At("v1")), 0
		for i, err := range errs {
			switch {
			case err == nil:
				made++
				if digests[i] != there {
					t.Errorf("%s: a push has made v1 %s, and it holds %s", scheme, digests[i], there)
				}
			case !errors.Is(err, leioci.ErrTagExists):
				t.Errorf("%s: %v", scheme, err)
			}
		}
		if made != 1 {
			t.Errorf("%s: %d pushes have made v1", scheme, made)
		}
	}
}

func TestPushesAtTheSameTimeDoNotMoveATagBack(t *testing.T) {
	for _, scheme := range []string{"oci-layout:", "oci-archive:"} {
		dst := parseLocation(t, scheme+filepath.Join(t.TempDir(), "lei"))
		digests, errs := pushTogether(t, dst, "latest")
		for _, err := range errs {
			if err != nil && !errors.Is(err, leioci.ErrOlder) {
				t.Errorf("%s: %v", scheme, err)
			}
		}
		if there := digestAt(t, newClient(t), dst.At("latest")); there != digests[0] || errs[0] != nil {
			t.Errorf("%s: latest is %s, not the newest: %v", scheme, there, errs[0])
		}
	}
}
