package sigstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// What cosign calls the older of its formats, [simple signing]. The layers of a manifest under the
// tag that the signed digest makes are payloads, and their annotations have what a bundle has.
//
// [simple signing]: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const (
	simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json"
	// simpleSigningClaim is the only type of payload that is a signature.
	simpleSigningClaim = "cosign container image signature"

	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationLog         = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// fromSimpleSigning makes a bundle of version 0.1 of a payload and its annotations: one of the
// payload as a file, with a promise of the log, which is all that the format has.
func fromSimpleSigning(payload []byte, annotations map[string]string, digest v1.Hash) (*evidence, error) {
	sig, err := base64.StdEncoding.DecodeString(annotations[annotationSignature])
	if err != nil {
		return nil, fmt.Errorf("annotation %s: %w", annotationSignature, err)
	}
	block, _ := pem.Decode([]byte(annotations[annotationCertificate]))
	if block == nil {
		return nil, errors.New("it has no certificate: it is made with a key")
	}
	material := &protobundle.VerificationMaterial{
		Content: &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: block.Bytes}},
	}
	if text := annotations[annotationLog]; text != "" {
		entry, err := logEntry(text)
		if err != nil {
			return nil, fmt.Errorf("annotation %s: %w", annotationLog, err)
		}
		material.TlogEntries = []*protorekor.TransparencyLogEntry{entry}
	}
	if text := annotations[annotationTimestamp]; text != "" {
		var stamp struct{ SignedRFC3161Timestamp []byte }
		if err := json.Unmarshal([]byte(text), &stamp); err != nil {
			return nil, fmt.Errorf("annotation %s: %w", annotationTimestamp, err)
		}
		material.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp.SignedRFC3161Timestamp}},
		}
	}
	sum := sha256.Sum256(payload)
	b, err := readBundle(&protobundle.Bundle{
		MediaType:            "application/vnd.dev.sigstore.bundle+json;version=0.1",
		VerificationMaterial: material,
		Content: &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]},
			Signature:     sig,
		}},
	})
	check := func(*verify.VerificationResult) error { return checkClaim(payload, digest) }
	return &evidence{bundle: b, signed: verify.WithArtifact(bytes.NewReader(payload)), check: check}, err
}

// logEntry reads an entry of Rekor version 1.
func logEntry(text string) (*protorekor.TransparencyLogEntry, error) {
	var annotation struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := json.Unmarshal([]byte(text), &annotation); err != nil {
		return nil, err
	}
	p := annotation.Payload
	id, err := hex.DecodeString(p.LogID)
	if err != nil {
		return nil, err
	}
	var kind struct {
		Kind    string `json:"kind"`
		Version string `json:"apiVersion"`
	}
	if err := json.Unmarshal(p.Body, &kind); err != nil {
		return nil, fmt.Errorf("its body: %w", err)
	}
	return &protorekor.TransparencyLogEntry{
		LogIndex: p.LogIndex, LogId: &protocommon.LogId{KeyId: id}, IntegratedTime: p.IntegratedTime, CanonicalizedBody: p.Body,
		KindVersion:      &protorekor.KindVersion{Kind: kind.Kind, Version: kind.Version},
		InclusionPromise: &protorekor.InclusionPromise{SignedEntryTimestamp: annotation.SignedEntryTimestamp},
	}, nil
}

// checkClaim returns an error unless a payload says that a digest is signed. It also names a
// repository, which is not compared: a signature stays valid where its artifact is copied to.
func checkClaim(payload []byte, digest v1.Hash) error {
	var claim struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(payload, &claim); err != nil {
		return fmt.Errorf("its payload is not simple signing: %w", err)
	}
	switch c := claim.Critical; {
	case c.Type != simpleSigningClaim:
		return fmt.Errorf("its payload is a %.60q, not a %q", c.Type, simpleSigningClaim)
	case c.Image.Digest != digest.String():
		return fmt.Errorf("it signs another artifact, %.80q", c.Image.Digest)
	}
	return nil
}
