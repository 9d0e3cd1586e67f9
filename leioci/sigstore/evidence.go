package sigstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/lowendinsight/lei-go/leioci"
)

// evidence is what may be a signature of an artifact.
type evidence struct {
	bundle *bundle.Bundle
	signed verify.ArtifactPolicyOption // what it has to be the signature of
	// check returns why what is verified does not say that the artifact is signed.
	check func(*verify.VerificationResult) error
}

// judge returns whose signature a piece of evidence is, or why it is none that counts.
func (v *Verifier) judge(c candidate) (s leioci.Signature, err error) {
	// What is in it goes through the parsers of many packages. A panic in one of them must not end a
	// service because a registry serves nonsense.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s cannot be read: %v", c.format, r)
		}
	}()
	e, err := c.read()
	if err != nil {
		return s, fmt.Errorf("%s cannot be read: %w", c.format, err)
	}
	content, err := e.bundle.VerificationContent()
	if err != nil {
		return s, fmt.Errorf("%s cannot be read: %w", c.format, err)
	}
	if content.Certificate() == nil {
		return s, fmt.Errorf("%s is made with a key, not with a certificate", c.format)
	}
	named, err := certificate.SummarizeCertificate(content.Certificate())
	if err != nil {
		return s, fmt.Errorf("the certificate of a %s cannot be read: %w", c.format, err)
	}
	// It is not verified yet, and until then only for messages.
	signer := fmt.Sprintf("%s (%s)", printable(named.SubjectAlternativeName), printable(named.Issuer))
	result, err := v.verify(e)
	var stranger *verify.ErrNoMatchingCertificateIdentity
	if errors.As(err, &stranger) { // which is the last that is checked
		return s, fmt.Errorf("%s is by %s, who is not trusted", c.format, signer)
	}
	if err != nil {
		if old := checkAuthorities(content.Certificate(), v.root); old != nil {
			err = fmt.Errorf("%w (%w)", err, old)
		}
		return s, fmt.Errorf("%s is not valid: %w; it names %s", c.format, err, signer)
	}
	if err := e.check(result); err != nil {
		return s, fmt.Errorf("%s does not count: %w; it is by %s", c.format, err, signer)
	}
	return leioci.Signature{Signer: signer, Format: c.format, Time: earliest(result.VerifiedTimestamps)}, nil
}

// verify checks all but what is said of the artifact.
func (v *Verifier) verify(e *evidence) (*verify.VerificationResult, error) {
	result, err := v.verifier.Verify(e.bundle, verify.NewPolicy(e.signed, v.identities...))
	if err != nil || !v.demands.log {
		return result, err
	}
	return result, checkLogs(e.bundle, v.root, result.VerifiedTimestamps)
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
