package signature_test

import (
	"bytes"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/signature"
)

func FuzzFromBundle(f *testing.F) {
	f.Add(made(f, "v3", v3Bundle))
	f.Add(made(f, "att", attestation))
	key := keysOf(f, "trusted.pub")[0]
	// What the key signed, in base64: nothing else may pass.
	payload := []byte("eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEi")
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := signature.FromBundle(text, signed)
		if err == nil && s.By(key) && !bytes.Contains(text, payload) {
			t.Errorf("the key is said to have signed %q", text)
		}
	})
}

func FuzzFromSimpleSigning(f *testing.F) {
	payload, annotation := simple(f, "v2", v2Manifest)
	f.Add(payload, annotation)
	key := keysOf(f, "trusted.pub")[0]
	f.Fuzz(func(t *testing.T, text []byte, annotation string) {
		s, err := signature.FromSimpleSigning(text, annotation, signed)
		if err == nil && s.By(key) && string(text) != string(payload) {
			t.Errorf("the key is said to have signed %q", text)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := signature.ParseKeys(text)
		if (err == nil) == (len(keys) == 0) {
			t.Errorf("%d keys and %v", len(keys), err)
		}
	})
}
