package leioci_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAMirrorWhoseReferrersHangKeepsNoSignatureOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		w.hosts[mirrorA].On("", "/referrers/", leiocitest.Always, leiocitest.Hang(nil))
		v := verifierFunc(func(ctx context.Context, s *leioci.Subject) error {
			_, err := s.Referrers(ctx)
			return err
		})
		c := w.client(leioci.WithRetry(leioci.RetryPolicy{}), leioci.WithVerifier(v), w.mirrors())
		start := time.Now()
		res, err := c.PullSnapshot(t.Context(), w.repos[mainHost].Tag("latest"), filepath.Join(t.TempDir(), "lei"))
		must(t, err)
		if took := time.Since(start); took > 10*time.Second || res.Source != w.repos[mirrorA] {
			t.Errorf("from %s, after %v", res.Source, took)
		}
	})
}

func TestEachPlaceIsAskedOnceForTheSignaturesOfAnArtifact(t *testing.T) {
	img := packageSample(t)
	main := newSignedWorld(t, img, true)
	worlds := []*signedWorld{main}
	var mirrors []leioci.Mirror
	for range 5 {
		w := newSignedWorld(t, img, true)
		worlds, mirrors = append(worlds, w), append(mirrors, leioci.Mirror{Of: main.repo, At: w.repo})
	}
	v, err := leioci.VerifyKey(newSigner(t).pem())
	must(t, err)
	_, err = newClient(t, leioci.WithMirrors(mirrors...), leioci.WithVerifier(v)).PullManifest(t.Context(), main.repo.Tag("latest"))
	trusts(t, "unsigned", err, false)
	for _, w := range worlds {
		asked := 0
		for _, r := range w.reg.Requests() {
			if strings.HasSuffix(r, sigTag(w.digest)) {
				asked++
			}
		}
		if asked != 1 {
			t.Errorf("%s was asked %d times", w.repo, asked)
		}
	}
	if !strings.Contains(err.Error(), mirrors[0].At.String()) {
		t.Errorf("the error does not say where it is not signed: %v", err)
	}
}

func TestAnImageIsTrustedByASignatureAtAnyPlace(t *testing.T) {
	img, trusted := packageSample(t), newSigner(t)
	main, mirror := newSignedWorld(t, img, true), newSignedWorld(t, img, true)
	signs(main, trusted)
	signs(mirror, newSigner(t))
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	read, err := newClient(t, leioci.WithMirrors(leioci.Mirror{Of: main.repo, At: mirror.repo})).Image(t.Context(), main.repo.Tag("latest"))
	must(t, err)
	_, err = leioci.Unpack(t.Context(), read, filepath.Join(t.TempDir(), "lei"), leioci.WithVerifier(v))
	must(t, err)
}
