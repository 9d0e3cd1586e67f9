package leioci

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/signature"
)

// VerifyKey returns a Verifier that trusts what one of the keys has signed. Each argument is PEM
// text with one or more public keys: ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or
// more. Give the new key and the old one while keys are rotated.
//
// It reads the signatures that cosign makes with a key, without any network but the artifact's own
// registry: sigstore bundles that refer to the artifact (cosign 3), and simple signing under the tag
// sha256-….sig (cosign 2). Transparency logs and timestamps are not looked at. An attestation, which
// the same key may have made, is no signature. What signs another digest is none, but the repository
// and the tag are not compared: a signature stays valid where the artifact is copied to.
//
// What cosign puts elsewhere is not read: into another repository (COSIGN_REPOSITORY), or simple
// signing as a referrer, with the experimental --registry-referrers-mode=oci-1-1 of cosign 2. At most
// 100 signatures of an artifact are read in each format.
func VerifyKey(pem ...[]byte) (Verifier, error) { return newKeyVerifier(pem, false) }

// VerifyAllKeys is [VerifyKey] for artifacts that each of the keys must have signed. Where there are
// mirrors, one place must have all of these signatures.
func VerifyAllKeys(pem ...[]byte) (Verifier, error) { return newKeyVerifier(pem, true) }

type keyVerifier struct {
	keys []signature.Key
	all  bool // each must have signed
}

func newKeyVerifier(pem [][]byte, all bool) (*keyVerifier, error) {
	v := &keyVerifier{all: all}
	for i, text := range pem {
		keys, err := signature.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("public key %d: %w", i+1, err)
		}
		v.keys = append(v.keys, keys...)
	}
	if len(v.keys) == 0 {
		return nil, errors.New("no public key is given")
	}
	byID := func(a, b signature.Key) int { return cmp.Compare(a.ID(), b.ID()) }
	slices.SortFunc(v.keys, byID)
	v.keys = slices.CompactFunc(v.keys, func(a, b signature.Key) bool { return byID(a, b) == 0 })
	return v, nil
}

// PolicyID implements [PolicyVerifier].
func (v *keyVerifier) PolicyID() string {
	var text bytes.Buffer
	fmt.Fprintf(&text, "cosign by key, all: %v\n", v.all)
	for _, k := range v.keys {
		fmt.Fprintln(&text, k.ID())
	}
	sum := sha256.Sum256(text.Bytes())
	return "keys:" + hex.EncodeToString(sum[:])
}

// Verify implements [Verifier].
func (v *keyVerifier) Verify(ctx context.Context, s *Subject) error {
	missing := slices.Clone(v.keys)
	var others []error // why what was found does not count
	for found := range signaturesOf(ctx, s) {
		if found.err != nil {
			others = append(others, found.err)
			continue
		}
		before := len(missing)
		missing = slices.DeleteFunc(missing, func(k signature.Key) bool {
			signed := found.By(k)
			if signed {
				s.SignedBy(Signature{Signer: "sha256:" + k.ID(), Format: found.format})
			}
			return signed
		})
		switch {
		case len(missing) < before && (!v.all || len(missing) == 0):
			return nil
		case len(missing) == before && !slices.ContainsFunc(v.keys, found.By):
			others = append(others, errors.New(found.stranger()))
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return v.refusal(missing, others)
}

// A refusal wraps what kept signatures from being read, such as a rate limit.
type refusal struct {
	text string
	why  []error
}

func (r refusal) Error() string   { return r.text }
func (r refusal) Unwrap() []error { return r.why }

// refusal says which keys have not signed, and what was found in place of their signatures.
func (v *keyVerifier) refusal(missing []signature.Key, others []error) error {
	ids := make([]string, len(missing))
	for i, k := range missing {
		ids[i] = shortID(k.ID())
	}
	text := "not signed by key " + strings.Join(ids, " or ")
	if v.all {
		text = "not signed by key " + strings.Join(ids, " nor by ")
	}
	switch {
	case len(others) == 0 && len(missing) < len(v.keys):
		return errors.New(text + "; the other keys have signed it")
	case len(others) == 0:
		return errors.New(text + "; there is no signature: has its publisher signed it, with cosign and a key?")
	}
	const most = 3
	var found []string
	for _, err := range others[:min(len(others), most)] {
		found = append(found, err.Error())
	}
	if n := len(others); n > most {
		found = append(found, fmt.Sprintf("and %d more", n-most))
	}
	return refusal{text + "; found: " + strings.Join(found, "; "), others}
}

// shortID is enough of a key's ID to tell it from others by eye.
func shortID(id string) string { return "sha256:" + id[:16] + "…" }
