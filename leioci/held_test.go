package leioci_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestADirectoryDoesNotSayWhoSignedWithoutBeingAsked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lei")
	_, err := newClient(t).PullFrom(t.Context(), parseLocation(t, "oci-layout:testdata/signed/v3"), dir,
		leioci.WithVerifier(trusting(t, "trusted.pub")))
	must(t, err)
	res, err := leioci.Held(t.Context(), dir)
	must(t, err)
	if len(res.Signatures) > 0 {
		t.Errorf("nobody has to have signed it, and it is signed: %v", res.Signatures)
	}
}

// naming is a verifier that trusts everything. It calls asked when it is asked for its ID, which is
// between two looks at a directory.
type naming struct {
	verifierFunc
	asked func()
}

func (n naming) PolicyID() string {
	n.asked()
	return "everything"
}

func TestADirectoryThatIsReplacedIsKnownAllTheSame(t *testing.T) {
	all := func(context.Context, *leioci.Subject) error { return nil }
	dir := filepath.Join(t.TempDir(), "lei")
	pull := func(opts ...leioci.PackageOption) {
		_, err := leioci.Unpack(t.Context(), packageSample(t, opts...), dir, leioci.WithVerifier(naming{all, func() {}}))
		must(t, err)
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	replace := map[string]func(){
		"by another pull": func() { pull(leioci.ValidUntil(until)) },
		"where a pull needs two renames": func() {
			away := dir + "-away"
			must(t, os.Rename(dir, away))
			t.Cleanup(func() { must(t, os.RemoveAll(away)) })
			pull(leioci.ValidUntil(until))
		},
	}
	for name, replace := range replace {
		t.Run(name, func(t *testing.T) {
			pull()
			first := true
			res, err := leioci.Held(t.Context(), dir, leioci.WithVerifier(naming{all, func() {
				if first {
					first = false
					replace()
				}
			}}))
			must(t, err)
			if !res.ValidUntil.Equal(until) {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func TestADirectoryThatIsReplacedIsNotKnownAsTwoSnapshots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lei")
	dates := map[v1.Hash]time.Time{}
	var images []v1.Image
	for day := range 2 {
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, time.Now().AddDate(0, 0, -day), `{"data":{"repo":"https://example.org/a"}}`))
		must(t, err)
		res, err := leioci.Unpack(t.Context(), img, dir)
		must(t, err)
		dates[res.Digest] = res.Date
		images = append(images, img)
	}
	replaced := make(chan error, 1)
	go func() {
		var errs []error
		for n := range 40 {
			_, err := leioci.Unpack(t.Context(), images[n%2], dir)
			errs = append(errs, err)
		}
		replaced <- errors.Join(errs...)
	}()
	for {
		res, err := leioci.Held(t.Context(), dir)
		if err == nil && !res.Date.Equal(dates[res.Digest]) {
			t.Errorf("it has the date of the other snapshot: %+v", res)
		}
		select {
		case err := <-replaced:
			must(t, err)
			return
		default: // an error is only that there was nothing for a moment, where a pull needs two renames
		}
	}
}

func TestWhatWasTrustedInOneLayoutIsNotInAnother(t *testing.T) {
	signed, err := filepath.Abs("testdata/signed")
	must(t, err)
	dir := filepath.Join(t.TempDir(), "lei")
	asked := 0
	var refused error
	v := leioci.WithVerifier(naming{func(context.Context, *leioci.Subject) error {
		asked++
		return refused
	}, func() {}})
	pull := func(layout string) error {
		_, err := newClient(t).PullFrom(t.Context(), parseLocation(t, "oci-layout:"+layout), dir, v)
		return err
	}
	t.Chdir(filepath.Join(signed, "v2"))
	for range 2 {
		trusts(t, "the one that is trusted", pull("."), true)
	}
	if asked != 1 {
		t.Errorf("it was asked about %d times", asked)
	}
	refused = errors.New("not the one that is trusted")
	trusts(t, "the same artifact in another", pull(filepath.Join(signed, "v3")), false)
	t.Chdir(filepath.Join(signed, "v3"))
	trusts(t, "the same artifact in another of the same name", pull("."), false)
	trusts(t, "the one that is trusted, by another name", pull("../v2"), true)
}

func TestAPullThatComesTooLateTakesNoVerdictAway(t *testing.T) {
	all := func(context.Context, *leioci.Subject) error { return nil }
	now := time.Now()
	world := func(date time.Time) *signedWorld {
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, date, `{"data":{"repo":"https://example.org/a"}}`))
		must(t, err)
		return newSignedWorld(t, img, true)
	}
	older, newer := world(now.AddDate(0, 0, -1)), world(now)
	dir := filepath.Join(t.TempDir(), "lei")
	pull := func(w *signedWorld, asked func()) error {
		_, err := newClient(t).PullSnapshot(t.Context(), w.repo.Tag("latest"), dir, leioci.WithVerifier(naming{all, asked}))
		return err
	}
	must(t, pull(older, func() {}))
	first := true
	err := pull(older, func() {
		if first {
			first = false
			must(t, pull(newer, func() {}))
		}
	})
	if !errors.Is(err, leioci.ErrOlder) {
		t.Errorf("got %v", err)
	}
	res, err := leioci.Held(t.Context(), dir, leioci.WithVerifier(naming{all, func() {}}))
	must(t, err)
	if res.Digest != newer.digest {
		t.Errorf("got %+v", res)
	}
}
