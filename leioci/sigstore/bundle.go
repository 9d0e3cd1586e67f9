package sigstore

import (
	"encoding/hex"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	// signPredicate is what tells a signature from an attestation, which says something else than that
	// the artifact is to be used.
	signPredicate = "https://sigstore.dev/cosign/sign/v1"
)

// fromBundle reads a sigstore bundle, as cosign 3 attaches it to what it signs.
func fromBundle(text []byte, digest v1.Hash) (*evidence, error) {
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(digest.Hex)
	if err != nil {
		return nil, err
	}
	return &evidence{bundle: b, signed: verify.WithArtifactDigest(digest.Algorithm, sum), check: checkStatement}, nil
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
