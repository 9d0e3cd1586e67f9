package leioci_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

func TestAVerifierIsToldWhatWasAskedFor(t *testing.T) {
	w, dir := newSignedWorld(t, packageSample(t), true), t.TempDir()
	var asked []string
	v := leioci.WithVerifier(verifierFunc(func(_ context.Context, s *leioci.Subject) error {
		asked = append(asked, s.Location.String())
		return nil
	}))
	src := leioci.RegistryLocation(w.repo.Tag("latest"))
	_, err := newClient(t).Copy(t.Context(), src, parseLocation(t, "oci-layout:"+filepath.Join(dir, "one")+":another"), v)
	must(t, err)
	_, err = newClient(t).PullFrom(t.Context(), src, filepath.Join(dir, "lei"), v)
	must(t, err)
	r, err := newClient(t).Open(t.Context(), src.Place())
	must(t, err)
	img, err := r.Image(t.Context(), "latest")
	must(t, err)
	_, err = leioci.Unpack(t.Context(), img, filepath.Join(dir, "unpacked"), v)
	must(t, err)
	for _, got := range asked {
		if got != src.String() {
			t.Errorf("got %s, want %s", got, src)
		}
	}
	if len(asked) != 3 {
		t.Errorf("asked about %v", asked)
	}
}

func TestAVerifierReadsNothingBesideTheRepository(t *testing.T) {
	w := newSignedWorld(t, packageSample(t), true)
	ids := []string{"", "..", "../tags/list", "../../other/manifests/latest", "latest?n=1", "latest#x", "a b", "sha256:", "sha256:../../x"}
	before := len(w.reg.Requests())
	_, err := newClient(t).PullManifest(t.Context(), w.repo.Tag("latest"))
	must(t, err)
	alone := len(w.reg.Requests()) - before
	v := verifierFunc(func(ctx context.Context, s *leioci.Subject) error {
		for _, id := range ids {
			if d, _, err := s.Get(ctx, id); !errors.Is(err, leioci.ErrInvalidReference) {
				t.Errorf("%q: got %v, %v", id, d.Digest, err)
			}
			d := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: id}, Size: 1}
			if text, err := s.Blob(ctx, d, 1); !errors.Is(err, leioci.ErrInvalidReference) {
				t.Errorf("blob %q: got %q, %v", id, text, err)
			}
		}
		return nil
	})
	before = len(w.reg.Requests())
	_, err = newClient(t, leioci.WithVerifier(v)).PullManifest(t.Context(), w.repo.Tag("latest"))
	must(t, err)
	if asked := w.reg.Requests()[before:]; len(asked) != alone {
		t.Errorf("asked for %v", asked)
	}
}
