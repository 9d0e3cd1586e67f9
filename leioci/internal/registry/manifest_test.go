package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func withCause(t *testing.T) (context.Context, context.CancelCauseFunc, error) {
	ctx, cancel := context.WithCancelCause(t.Context())
	return ctx, cancel, errors.New("enough")
}

func TestAManifestComesAsTheRegistrySentIt(t *testing.T) {
	w := newWorld(t)
	_, repo := w.serve("main.localhost")
	digest := descriptor(t, sampleManifest).Digest
	m, from, err := w.client().Source(repo).Manifest(t.Context(), repo.Tag("latest"), nil)
	must(t, err)
	byDigest, _, err := w.client().Source(repo).Manifest(t.Context(), repo.Digest(digest.String()), nil)
	must(t, err)
	for _, got := range []v1.Descriptor{m.Descriptor, byDigest.Descriptor} {
		if got.Digest != digest || got.Size != int64(len(sampleManifest)) || got.MediaType != ociManifest {
			t.Errorf("the descriptor is %+v", got)
		}
	}
	if from != repo || string(m.Raw) != sampleManifest || m.Manifest.Config.Digest.String() != sampleDigest {
		t.Errorf("got %+v from %s", m, from)
	}
}

func TestAManifestThatIsNotWhatWasAskedForIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want error
	}{
		"another manifest": {strings.Replace(sampleManifest, "10", "11", 1), errdef.ErrVerification},
		"one byte more":    {sampleManifest + " ", errdef.ErrVerification},
		"nothing":          {"", errdef.ErrVerification},
		"far too much":     {sampleManifest + strings.Repeat(" ", manifest.MaxBytes), errdef.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			reg.On(http.MethodGet, "/manifests/", leiocitest.Always, leiocitest.Body(func([]byte) []byte { return []byte(tc.body) }))
			ref := repo.Digest(descriptor(t, sampleManifest).Digest.String())
			if m, _, err := w.client().Source(repo).Manifest(t.Context(), ref, nil); !errors.Is(err, tc.want) || m != nil {
				t.Errorf("got %v, %v", m, err)
			}
		})
	}
}

func TestAManifestThatIsNotAcceptedIsLookedForAtTheNextPlace(t *testing.T) {
	refuses := errors.New("not this one")
	for accepted, name := range []string{"a.localhost", "b.localhost", "main.localhost", ""} {
		p := newPlaces(t)
		asked := 0
		_, from, err := p.source(once).Manifest(t.Context(), p.repo.Tag("latest"), func(*v1.Manifest) error {
			if asked++; asked > accepted {
				return nil
			}
			return refuses
		})
		switch {
		case name == "":
			if !errors.Is(err, refuses) || asked != 3 {
				t.Errorf("nowhere: got %v after %d", err, asked)
			}
		case err != nil || from.RegistryStr() != name:
			t.Errorf("want it from %s, got it from %s, %v", name, from, err)
		}
	}
}

func TestHeadTellsTheDigestOrNothing(t *testing.T) {
	right := descriptor(t, sampleManifest).Digest
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		want  v1.Hash
	}{
		"a digest":       {nil, right},
		"no digest":      {leiocitest.Header("Docker-Content-Digest", ""), v1.Hash{}},
		"nonsense":       {leiocitest.Header("Docker-Content-Digest", "latest"), v1.Hash{}},
		"no media type":  {leiocitest.Header("Content-Type", ""), right},
		"a page":         {leiocitest.Header("Content-Type", "text/html"), v1.Hash{}},
		"no such method": {leiocitest.Status(http.StatusMethodNotAllowed, ""), v1.Hash{}},
		"not found":      {leiocitest.Status(http.StatusNotFound, ""), v1.Hash{}},
		"denied":         {leiocitest.Status(http.StatusForbidden, ""), v1.Hash{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			if tc.fault != nil {
				reg.On(http.MethodHead, "/manifests/", leiocitest.Always, tc.fault)
			}
			got, from, err := w.client().Source(repo).Head(t.Context(), repo.Tag("latest"))
			if err != nil || got != tc.want || from != repo {
				t.Errorf("got %q from %s, %v", got, from, err)
			}
			if n := asked(reg, "GET /v2/org"); n != 0 {
				t.Errorf("the manifest itself was asked for %d times", n)
			}
		})
	}
}

func TestHeadTriesAgainAndFailsWhereTheRegistryIsNotThere(t *testing.T) {
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	down := reg.On(http.MethodHead, "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusServiceUnavailable, ""))
	var response *transport.Error
	_, _, err := w.client().Source(repo).Head(t.Context(), repo.Tag("latest"))
	if !errors.As(err, &response) || response.StatusCode != http.StatusServiceUnavailable || down.Hits() != 2 {
		t.Errorf("got %v after %d tries", err, down.Hits())
	}
}

func TestHeadAsksTheNextPlaceForTheDigestThatOneDoesNotTell(t *testing.T) {
	p := newPlaces(t)
	p.regs["a.localhost"].On(http.MethodHead, "", leiocitest.Always, leiocitest.Header("Docker-Content-Digest", ""))
	digest, from, err := p.source().Head(t.Context(), p.repo.Tag("latest"))
	if err != nil || from != p.mirrorB || digest != descriptor(t, sampleManifest).Digest {
		t.Errorf("got %q from %s, %v", digest, from, err)
	}
}
