package sigstore

import (
	"encoding/hex"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lowendinsight/lei-go/leioci"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	// signPredicate is what tells a signature from an attestation, which says something else than
	// that the artifact is to be used.
	signPredicate = "https://sigstore.dev/cosign/sign/v1"
)

// fromBundle reads a sigstore bundle, as cosign 3 attaches it to what it signs.
func fromBundle(text []byte, digest v1.Hash) (*evidence, error) {
	parsed := new(protobundle.Bundle)
	if err := protojson.Unmarshal(text, parsed); err != nil {
		return nil, err
	}
	b, err := readBundle(parsed)
	if err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(digest.Hex)
	if err != nil {
		return nil, err
	}
	return &evidence{bundle: b, signed: verify.WithArtifactDigest(digest.Algorithm, sum), check: checkStatement}, nil
}

// maxProofBytes is the size of the log's entries in a bundle together, and that of its timestamps.
// cosign's have some 4 KiB.
const maxProofBytes = 16 << 10

// readBundle reads what the parts of a bundle are. To read an entry of the log, or a timestamp, is
// to verify its signature with the key that is in it, before anything is known of either. As a huge
// key takes minutes, what is far larger than it is with real keys is not read.
func readBundle(parsed *protobundle.Bundle) (*bundle.Bundle, error) {
	n := 0
	for _, e := range parsed.GetVerificationMaterial().GetTlogEntries() {
		if n += len(e.GetCanonicalizedBody()); n > maxProofBytes {
			return nil, fmt.Errorf("entries of the log: %w of %d bytes", leioci.ErrTooLarge, maxProofBytes)
		}
	}
	n = 0
	for _, t := range parsed.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps() {
		if n += len(t.GetSignedTimestamp()); n > maxProofBytes {
			return nil, fmt.Errorf("timestamps: %w of %d bytes", leioci.ErrTooLarge, maxProofBytes)
		}
	}
	return bundle.NewBundle(parsed)
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
