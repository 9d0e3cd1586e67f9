package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestARateLimitOnASignatureIsOneOnThePull(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), true), newSigner(t)
	signs(w, trusted)
	w.reg.On("", sigTag(w.digest), leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", "3000")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	_, err = newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"), leioci.WithVerifier(v))
	var limited *leioci.RateLimitError
	if !errors.Is(err, leioci.ErrUntrusted) || !errors.As(err, &limited) || limited.RetryAfter != 3000*time.Second {
		t.Errorf("got %v", err)
	}
}

func TestWatchIsSoonBackAfterSignaturesCouldNotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newMirrorWorld(t)
		const lasts = 5 * time.Hour
		for _, path := range []string{"/referrers/", "/manifests/sha256-"} {
			outage := w.hosts[mainHost].On("", path, leiocitest.Always, leiocitest.Status(http.StatusServiceUnavailable, ""))
			time.AfterFunc(lasts, outage.Stop)
		}
		v := verifierFunc(func(ctx context.Context, s *leioci.Subject) error {
			_, err := s.Referrers(ctx)
			return err
		})
		opts := leioci.WatchOptions{Pull: []leioci.PullOption{leioci.WithVerifier(v)}, Interval: 24 * time.Hour}
		at, errs := w.looks(filepath.Join(t.TempDir(), "lei"), opts, lasts+time.Hour)
		back := slices.IndexFunc(errs, func(err error) bool { return !errors.Is(err, leioci.ErrUntrusted) })
		if back < 1 || errs[back] != nil || at[back] > lasts+5*time.Minute {
			t.Errorf("checks at %v: %v", at, errs)
		}
	})
}
