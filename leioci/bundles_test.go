package leioci_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAVerifierIsGivenAtMostAHundredBundlesInAll(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), true), newSigner(t)
	for i := range 3 {
		w.refer(fmt.Sprint(bundleType, i), many(60, trusted.bundle(another()))...)
	}
	read, refused := 0, 0
	v := verifierFunc(func(ctx context.Context, s *leioci.Subject) error {
		for text, err := range s.Bundles(ctx) {
			if errors.Is(err, leioci.ErrTooLarge) {
				refused++
			}
			if text != nil {
				read++
			}
		}
		return nil
	})
	_, err := newClient(t, leioci.WithVerifier(v)).PullManifest(t.Context(), w.repo.Tag("latest"))
	must(t, err)
	if read != 100 || refused == 0 {
		t.Errorf("%d bundles, and %d refusals", read, refused)
	}
}

func TestManyAttestationsDoNotKeepASignatureOut(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), true), newSigner(t)
	refers(w, trusted)
	r, err := newClient(t).Open(t.Context(), locate(t, w.repo, ""))
	must(t, err)
	signed, err := r.Referrers(t.Context(), w.digest)
	must(t, err)
	// As cosign describes what it attaches.
	describe := func(d v1.Descriptor, predicate string) v1.Descriptor {
		d.ArtifactType, d.Annotations = bundleType, map[string]string{"dev.sigstore.bundle.predicateType": predicate}
		return d
	}
	var listed []v1.Descriptor
	for i := range 110 {
		attestation := signed[0]
		attestation.Digest.Hex = fmt.Sprintf("%064x", i)
		listed = append(listed, describe(attestation, "https://slsa.dev/provenance/v1"))
	}
	listed = append(listed, describe(signed[0], signPredicate))
	text, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: listed})
	must(t, err)
	w.reg.On("", "/referrers/", leiocitest.Always, responds(string(text)))
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	_, err = newClient(t, leioci.WithVerifier(v)).PullSnapshot(t.Context(), w.repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
	must(t, err)
}

func TestAListOfWhatIsNotThereDoesNotKeepASignatureElsewhereOut(t *testing.T) {
	w, trusted := newSignedWorld(t, packageSample(t), true), newSigner(t)
	signs(w, trusted)
	digests := make([]string, 200)
	for i := range digests {
		digests[i] = fmt.Sprintf("sha256:%064x", i)
	}
	w.reg.On("", "/referrers/", leiocitest.Always, responds(list(digests...)))
	v, err := leioci.VerifyKey(trusted.pem())
	must(t, err)
	_, err = newClient(t, leioci.WithVerifier(v)).PullManifest(t.Context(), w.repo.Tag("latest"))
	must(t, err)
}

func TestSimpleSigningThatIsAReferrerIsNamedAsWhatIsNotRead(t *testing.T) {
	for name, api := range map[string]bool{"by the API": true, "by its tag": false} {
		w, trusted := newSignedWorld(t, packageSample(t), api), newSigner(t)
		// As cosign 2 attaches it with --registry-referrers-mode=oci-1-1.
		w.refer("application/vnd.dev.cosign.artifact.sig.v1+json", many(3, trusted.simple(w.digest))...)
		v, err := leioci.VerifyKey(trusted.pem())
		must(t, err)
		c := newClient(t, leioci.WithVerifier(v))
		_, err = c.PullManifest(t.Context(), w.repo.Tag("latest"))
		if !errors.Is(err, leioci.ErrUntrusted) || strings.Count(err.Error(), "registry-referrers-mode legacy") != 1 {
			t.Errorf("%s: got %v", name, err)
		}
		refers(w, trusted) // beside it
		_, err = c.PullManifest(t.Context(), w.repo.Tag("latest"))
		must(t, err)
	}
}
