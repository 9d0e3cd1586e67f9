package sigstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/lowendinsight/lei-go/leioci"
)

const (
	format        = "sigstore bundle"
	statementType = "https://in-toto.io/Statement/v1"
	// signPredicate is what tells a signature from an attestation, which says something else than that
	// the artifact is to be used.
	signPredicate = "https://sigstore.dev/cosign/sign/v1"
)

// judge returns whose signature of a digest a bundle is, or why it is none that counts.
func (v *Verifier) judge(text []byte, digest v1.Hash) (s leioci.Signature, err error) {
	// What a bundle has in it goes through the parsers of many packages. A panic in one of them must not
	// end a service because a registry serves nonsense.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a %s that cannot be read: %v", format, r)
		}
	}()
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(text); err != nil {
		return s, fmt.Errorf("a %s that cannot be read: %w", format, err)
	}
	content, err := b.VerificationContent()
	if err != nil {
		return s, fmt.Errorf("a %s that cannot be read: %w", format, err)
	}
	if content.Certificate() == nil {
		return s, fmt.Errorf("a %s made with a key, not with a certificate", format)
	}
	named, err := certificate.SummarizeCertificate(content.Certificate())
	if err != nil {
		return s, fmt.Errorf("a %s whose certificate cannot be read: %w", format, err)
	}
	// It is not verified yet, and until then only for messages.
	signer := fmt.Sprintf("%s (%s)", printable(named.SubjectAlternativeName), printable(named.Issuer))
	result, err := v.verify(b, digest)
	var stranger *verify.ErrNoMatchingCertificateIdentity
	if errors.As(err, &stranger) { // which is the last that is checked
		return s, fmt.Errorf("a %s by %s, who is not trusted", format, signer)
	}
	if err != nil {
		if old := checkAuthorities(content.Certificate(), v.root); old != nil {
			err = fmt.Errorf("%w (%w)", err, old)
		}
		return s, fmt.Errorf("a %s that names %s: %w", format, signer, err)
	}
	if err := checkStatement(result); err != nil {
		return s, fmt.Errorf("a %s by %s: %w", format, signer, err)
	}
	return leioci.Signature{Signer: signer, Format: format, Time: earliest(result.VerifiedTimestamps)}, nil
}

// verify checks all but what the bundle says of the digest.
func (v *Verifier) verify(b *bundle.Bundle, digest v1.Hash) (*verify.VerificationResult, error) {
	sum, err := hex.DecodeString(digest.Hex)
	if err != nil {
		return nil, err
	}
	result, err := v.verifier.Verify(b, verify.NewPolicy(verify.WithArtifactDigest(digest.Algorithm, sum), v.identities...))
	if err != nil || !v.demands.log {
		return result, err
	}
	return result, checkLogs(b, v.root, result.VerifiedTimestamps)
}

// checkStatement returns an error unless what is verified is cosign's signature.
func checkStatement(result *verify.VerificationResult) error {
	switch s := result.Statement; {
	case s == nil:
		return errors.New("it signs a file, not an artifact")
	case s.GetPredicateType() != signPredicate:
		return fmt.Errorf("it is an attestation (%.80q), not a signature", s.GetPredicateType())
	case s.GetType() != statementType:
		return fmt.Errorf("its statement is a %.60q, not version 1", s.GetType())
	}
	return nil
}

// earliest is when a signature existed, by all that state a time.
func earliest(times []verify.TimestampVerificationResult) time.Time {
	first := times[0].Timestamp
	for _, t := range times[1:] {
		if t.Timestamp.Before(first) {
			first = t.Timestamp
		}
	}
	return first.UTC()
}
