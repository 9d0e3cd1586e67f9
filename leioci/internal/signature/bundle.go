package signature

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The newer format: a [sigstore bundle] with a [DSSE] envelope around an [in-toto statement], in a
// manifest whose subject is the signed one.
//
// [sigstore bundle]: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto
// [DSSE]: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
// [in-toto statement]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
const (
	BundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// PredicateAnnotation tells, on a manifest with a bundle, the type of its predicate. It may lie.
	PredicateAnnotation = "dev.sigstore.bundle.predicateType"

	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	// SignPredicate is what tells a signature from an attestation, which the same key may have made
	// and which says something else than that the artifact is to be used.
	SignPredicate = "https://sigstore.dev/cosign/sign/v1"

	// maxSubjects is how many digests one statement may be about. cosign writes one.
	maxSubjects = 1000
)

// IsBundle reports whether a media type is that of a bundle, of whatever version.
func IsBundle(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.dev.sigstore.bundle")
}

// ErrKeyless is the error of a bundle that was made with a certificate instead of a key.
var ErrKeyless = errors.New("it is made with a certificate, not a key")

// bundle holds what is read of one. Members that are not known are ignored, as its specification
// says.
type bundle struct {
	MediaType    string `json:"mediaType"`
	Verification struct {
		PublicKey   *struct{ Hint string } `json:"publicKey"`
		Certificate json.RawMessage        `json:"certificate"`
		Chain       json.RawMessage        `json:"x509CertificateChain"`
	} `json:"verificationMaterial"`
	Envelope *struct {
		Payload     string `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []struct {
			Sig string `json:"sig"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
}

// FromBundle reads a bundle. The error says why it is not a signature of subject, made with a key:
// [ErrKeyless] if it is made with a certificate.
func FromBundle(text []byte, subject v1.Hash) (Signature, error) {
	var b bundle
	if err := decode(text, &b); err != nil {
		return Signature{}, fmt.Errorf("it is not a sigstore bundle: %w", err)
	}
	switch {
	case !IsBundle(b.MediaType):
		return Signature{}, fmt.Errorf("it is a %.60q, not a sigstore bundle", b.MediaType)
	case b.Envelope == nil:
		return Signature{}, errors.New("it has no DSSE envelope")
	case b.Verification.Certificate != nil || b.Verification.Chain != nil:
		return Signature{}, ErrKeyless
	case b.Envelope.PayloadType != payloadType:
		return Signature{}, fmt.Errorf("its payload is a %.60q, not an in-toto statement", b.Envelope.PayloadType)
	case len(b.Envelope.Signatures) > MaxSignatures:
		return Signature{}, fmt.Errorf("it has %d signatures, limit %d", len(b.Envelope.Signatures), MaxSignatures)
	}
	payload, err := decodeBase64(b.Envelope.Payload)
	if err != nil {
		return Signature{}, fmt.Errorf("its payload: %w", err)
	}
	if err := checkStatement(payload, subject); err != nil {
		return Signature{}, err
	}
	s := Signature{message: preAuthentication(payloadType, payload)}
	if key := b.Verification.PublicKey; key != nil {
		s.Hint = key.Hint
	}
	for _, signature := range b.Envelope.Signatures {
		sig, err := decodeBase64(signature.Sig)
		if err != nil {
			return Signature{}, fmt.Errorf("its signature: %w", err)
		}
		s.signatures = append(s.signatures, sig)
	}
	return s, nil
}

// checkStatement returns an error if a statement does not say that subject is signed.
func checkStatement(payload []byte, subject v1.Hash) error {
	var statement struct {
		Type      string `json:"_type"`
		Predicate string `json:"predicateType"`
		Subject   []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if err := decode(payload, &statement); err != nil {
		return fmt.Errorf("its payload is not an in-toto statement: %w", err)
	}
	switch {
	case statement.Predicate != SignPredicate:
		return fmt.Errorf("it is an attestation (%.80q), not a signature", statement.Predicate)
	case statement.Type != statementType:
		return fmt.Errorf("its payload is a %.60q, not an in-toto statement", statement.Type)
	case len(statement.Subject) > maxSubjects:
		return fmt.Errorf("it is about %d digests, limit %d", len(statement.Subject), maxSubjects)
	}
	err := errOther
	for _, s := range statement.Subject {
		if err = checkSubject("sha256:"+s.Digest["sha256"], subject); err == nil {
			return nil
		}
	}
	return err
}

// preAuthentication returns what a DSSE signature signs.
func preAuthentication(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// decodeBase64 decodes either alphabet: DSSE allows both.
func decodeBase64(text string) ([]byte, error) {
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	b, err := encoding.DecodeString(text)
	if err == nil && len(b) == 0 {
		err = errors.New("empty")
	}
	return b, err
}
