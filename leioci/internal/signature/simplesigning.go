package signature

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What cosign calls the older of its formats, [simple signing]: the layers of a manifest under the
// tag that the signed digest makes are payloads, and an annotation of each is the signature.
//
// [simple signing]: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const (
	SimpleSigningType       = "application/vnd.dev.cosign.simplesigning.v1+json"
	SimpleSigningAnnotation = "dev.cosignproject.cosign/signature"
)

// simpleSigningClaim is the only type of payload that is a signature.
const simpleSigningClaim = "cosign container image signature"

// FromSimpleSigning reads a payload and the signature in its annotation. The error says why it is
// not a signature of subject.
//
// The payload also names a repository. It is not compared: a signature stays valid where its
// artifact is mirrored or copied to.
func FromSimpleSigning(payload []byte, annotation string, subject v1.Hash) (Signature, error) {
	var claim struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := decode(payload, &claim); err != nil {
		return Signature{}, fmt.Errorf("its payload is not simple signing: %w", err)
	}
	if claim.Critical.Type != simpleSigningClaim {
		return Signature{}, fmt.Errorf("its payload is a %.60q, not a %q", claim.Critical.Type, simpleSigningClaim)
	}
	if err := checkSubject(claim.Critical.Image.Digest, subject); err != nil {
		return Signature{}, err
	}
	sig, err := decodeBase64(annotation)
	if err != nil {
		return Signature{}, fmt.Errorf("its annotation %s: %w", SimpleSigningAnnotation, err)
	}
	return Signature{message: payload, signatures: [][]byte{sig}}, nil
}

// decode decodes JSON of bounded size.
func decode(text []byte, into any) error {
	if len(text) > MaxBytes {
		return fmt.Errorf("%d bytes, limit %d", len(text), MaxBytes)
	}
	return json.Unmarshal(text, into)
}
