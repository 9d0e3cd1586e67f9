package sigstore

import (
	"bytes"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/sigstore/sigstoretest"
)

// FuzzBundle changes a good bundle. Whatever is still trusted has the payload that was signed.
func FuzzBundle(f *testing.F) {
	instance, err := sigstoretest.New()
	if err != nil {
		f.Fatal(err)
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: "22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8"}
	good, err := instance.Sign("me@example.org", "https://issuer.example.org", digest)
	if err != nil {
		f.Fatal(err)
	}
	v2, err := instance.SignV2("me@example.org", "https://issuer.example.org", digest)
	if err != nil {
		f.Fatal(err)
	}
	v, err := New(instance.Root(), []Identity{{Issuer: "https://issuer.example.org", Subject: "me@example.org"}}, WithoutSCT())
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range [][]byte{good, v2} {
		if _, err := v.judge(candidate{"sigstore bundle", func() (*evidence, error) { return fromBundle(text, digest) }}); err != nil {
			f.Fatal(err)
		}
		f.Add(text, 10, byte('x'))
	}
	f.Add([]byte("{}"), 0, byte(0))
	payload := []byte("eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEi")
	f.Fuzz(func(t *testing.T, text []byte, at int, b byte) {
		text = bytes.Clone(text)
		if at >= 0 && at < len(text) {
			text[at] = b
		}
		s, err := v.judge(candidate{"sigstore bundle", func() (*evidence, error) { return fromBundle(text, digest) }})
		if err == nil && (s.Signer != "me@example.org (https://issuer.example.org)" || !bytes.Contains(text, payload)) {
			t.Errorf("%s is said to have signed %q", s.Signer, text)
		}
	})
}

// FuzzSimpleSigning changes a good layer of simple signing. What is still trusted has the payload that
// was signed.
func FuzzSimpleSigning(f *testing.F) {
	instance, err := sigstoretest.New()
	if err != nil {
		f.Fatal(err)
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: "22698cac51675520fc8aa978bce0c53f2399dc5eb7d44d4e93f2285cb51a4ba8"}
	good, err := instance.SignSimple("me@example.org", "https://issuer.example.org", sigstoretest.Claim(digest))
	if err != nil {
		f.Fatal(err)
	}
	v, err := New(instance.Root(), []Identity{{Issuer: "https://issuer.example.org", Subject: "me@example.org"}})
	if err != nil {
		f.Fatal(err)
	}
	a := good.Annotations
	f.Add(sigstoretest.Claim(digest), a[annotationSignature], a[annotationCertificate], a[annotationLog], a[annotationTimestamp])
	f.Add([]byte("{}"), "", "", "{}", "{}")
	f.Fuzz(func(t *testing.T, payload []byte, sig, certificate, log, timestamp string) {
		s, err := v.judge(candidate{"simple signing", func() (*evidence, error) {
			return fromSimpleSigning(payload, map[string]string{
				annotationSignature: sig, annotationCertificate: certificate, annotationLog: log, annotationTimestamp: timestamp,
			}, digest)
		}})
		if err == nil && (s.Signer != "me@example.org (https://issuer.example.org)" || !bytes.Equal(payload, sigstoretest.Claim(digest))) {
			t.Errorf("%s is said to have signed %q", s.Signer, payload)
		}
	})
}

// FuzzRegexp looks for an expression that matches more than it should.
func FuzzRegexp(f *testing.F) {
	f.Add("a|b")
	f.Add(`\Qa`)
	f.Add("a)|(b")
	f.Add("(?m)a$")
	f.Fuzz(func(t *testing.T, expression string) {
		m, err := Identity{Issuer: "i", SubjectRegexp: expression}.matcher()
		if err != nil || expression == "" {
			return
		}
		if m.SubjectAlternativeName.Regexp.MatchString("") {
			t.Errorf("%q matches nothing", expression)
		}
		m.SubjectAlternativeName.Regexp.Longest()
		for _, text := range []string{"a", "aa", "b\na", "https://example.org/a"} {
			at := m.SubjectAlternativeName.Regexp.FindStringIndex(text)
			if at != nil && (at[0] != 0 || at[1] != len(text)) {
				t.Errorf("%q matches a part of %q", expression, text)
			}
		}
	})
}
