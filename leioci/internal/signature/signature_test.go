package signature_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/signature"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var signed = mustHash("sha256:47619040fe35f99f36f95366e4f40022ae9c74f343957e394aa91f5860adef4a")

func mustHash(s string) v1.Hash {
	h, err := v1.NewHash(s)
	if err != nil {
		panic(err)
	}
	return h
}

// made returns a layout's blob that cosign made.
func made(t testing.TB, layout, digest string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/signed", layout, "blobs/sha256", digest))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func keysOf(t testing.TB, file string) []signature.Key {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../testdata/signed", file))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signature.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// simple returns the payload and the annotation of a simple signing manifest.
func simple(t testing.TB, layout, manifest string) ([]byte, string) {
	t.Helper()
	var m v1.Manifest
	if err := json.Unmarshal(made(t, layout, manifest), &m); err != nil {
		t.Fatal(err)
	}
	l := m.Layers[0]
	return made(t, layout, l.Digest.Hex), l.Annotations[signature.SimpleSigningAnnotation]
}

const (
	v2Manifest    = "2f51cb32b884c8767a46efbc5a89a620921299366236e7c327e03850c1c58327"
	otherManifest = "35dd20c1eee5454b24ebaa4d90b584423429837a77f0d79da4967e48e10f878c"
	v3Bundle      = "86fc9b2e37008f48368f251c9c4845b7799220d9cc96584079523ecc8fec81c6"
	attestation   = "285d55fa2474ae35f8f4a5a13599159d2e0fcccdbf25aff0d8162331dc4a021b"
)

func TestWhatCosignSignedWithAKeyIsSignedByItAndByNoOther(t *testing.T) {
	trusted, other := keysOf(t, "trusted.pub")[0], keysOf(t, "other.pub")[0]
	read := func(layout, manifest string) signature.Signature {
		payload, annotation := simple(t, layout, manifest)
		s, err := signature.FromSimpleSigning(payload, annotation, signed)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	bundle, err := signature.FromBundle(made(t, "v3", v3Bundle), signed)
	if err != nil {
		t.Fatal(err)
	}
	if bundle.Hint != trusted.Hint() {
		t.Errorf("the bundle hints at %s, and the key is %s", bundle.Hint, trusted.Hint())
	}
	for name, tc := range map[string]struct {
		s    signature.Signature
		by   signature.Key
		want bool
	}{
		"cosign 2":                       {read("v2", v2Manifest), trusted, true},
		"cosign 2, checked with another": {read("v2", v2Manifest), other, false},
		"cosign 3":                       {bundle, trusted, true},
		"cosign 3, checked with another": {bundle, other, false},
		"another key":                    {read("otherkey", otherManifest), trusted, false},
		"another key, checked with it":   {read("otherkey", otherManifest), other, true},
		"no signature at all":            {signature.Signature{}, trusted, false},
	} {
		if got := tc.s.By(tc.by); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestAnAttestationByATrustedKeyIsNoSignature(t *testing.T) {
	if _, err := signature.FromBundle(made(t, "att", attestation), signed); err == nil {
		t.Error("it is taken for one")
	}
}

func TestASignatureOfOneDigestIsNoneOfAnother(t *testing.T) {
	another := mustHash("sha256:57619040fe35f99f36f95366e4f40022ae9c74f343957e394aa91f5860adef4a")
	payload, annotation := simple(t, "v2", v2Manifest)
	if _, err := signature.FromSimpleSigning(payload, annotation, another); err == nil {
		t.Error("simple signing: it is taken for one")
	}
	if _, err := signature.FromBundle(made(t, "v3", v3Bundle), another); err == nil {
		t.Error("a bundle: it is taken for one")
	}
}
