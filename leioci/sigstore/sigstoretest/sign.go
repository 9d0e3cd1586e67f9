package sigstoretest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	// MediaType is that of the bundles.
	MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// SignPredicate is the predicate of a signature, in contrast to an attestation.
	SignPredicate = "https://sigstore.dev/cosign/sign/v1"

	payloadType = "application/vnd.in-toto+json"
)

// Statement returns the in-toto statement with a predicate about a digest. cosign's signature is one
// with [SignPredicate].
func Statement(predicate string, digest v1.Hash) []byte {
	return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{%q:%q}}],"predicateType":%q,"predicate":{}}`,
		digest.Algorithm, digest.Hex, predicate)
}

// Sign returns a bundle in which a subject that an issuer has authenticated signs a digest. subject
// is a URI or an e-mail address. As by Rekor version 1, the log states the time; so does the
// timestamp authority.
func (i *Instance) Sign(subject, issuer string, digest v1.Hash) ([]byte, error) {
	return i.SignStatement(subject, issuer, Statement(SignPredicate, digest))
}

// SignStatement is Sign for any statement.
func (i *Instance) SignStatement(subject, issuer string, statement []byte) ([]byte, error) {
	leaf, key, err := i.certify(subject, issuer)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(dsse.PAE(payloadType, statement))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	envelope := &dsse.Envelope{
		PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(statement),
		Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig)}},
	}
	entry, err := i.logged(leaf, envelope, sig)
	if err != nil {
		return nil, err
	}
	timestamp, err := i.virtual.TimestampResponse(sig)
	if err != nil {
		return nil, err
	}
	return marshal(leaf, envelopeOf(statement, sig), timestamp, entry)
}

// SignFile returns a bundle in which a subject signs the content of a file, as "cosign sign-blob"
// does it. It has no entry in the log.
func (i *Instance) SignFile(subject, issuer string, content []byte) ([]byte, error) {
	leaf, key, err := i.certify(subject, issuer)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	timestamp, err := i.virtual.TimestampResponse(sig)
	if err != nil {
		return nil, err
	}
	return marshal(leaf, &protobundle.Bundle{Content: &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
		MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]}, Signature: sig,
	}}}, timestamp)
}

// logged is an entry of Rekor version 1, with an inclusion proof and with the promise that states
// the time.
func (i *Instance) logged(leaf *x509.Certificate, envelope *dsse.Envelope, sig []byte) (*protorekor.TransparencyLogEntry, error) {
	now := time.Now().Unix()
	made, err := i.virtual.GenerateTlogEntry(leaf, envelope, sig, now, true)
	if err != nil {
		return nil, err
	}
	promise, err := i.virtual.RekorSignPayload(tlog.RekorPayload{
		Body: made.Body(), IntegratedTime: now, LogIndex: made.LogIndex(), LogID: hex.EncodeToString([]byte(made.LogKeyID())),
	})
	if err != nil {
		return nil, err
	}
	entry := made.TransparencyLogEntry()
	entry.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: promise}
	return entry, nil
}

// SignV2 is Sign with an entry of Rekor version 2, which states no time, and with a certificate
// without a signed certificate timestamp. subject is an e-mail address.
func (i *Instance) SignV2(subject, issuer string, digest v1.Hash) ([]byte, error) {
	statement := Statement(SignPredicate, digest)
	entity, err := i.virtual.AttestAtTimeHashedRekordV2(subject, issuer, statement, time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	content, err := entity.VerificationContent()
	if err != nil {
		return nil, err
	}
	signature, err := entity.SignatureContent()
	if err != nil {
		return nil, err
	}
	entries, err := entity.TlogEntries()
	if err != nil {
		return nil, err
	}
	timestamps, err := entity.Timestamps()
	if err != nil {
		return nil, err
	}
	return marshal(content.Certificate(), envelopeOf(statement, signature.Signature()), timestamps[0], entries[0].TransparencyLogEntry())
}

// envelopeOf is a bundle with a statement.
func envelopeOf(statement, sig []byte) *protobundle.Bundle {
	return &protobundle.Bundle{Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
		Payload: statement, PayloadType: payloadType, Signatures: []*protodsse.Signature{{Sig: sig}},
	}}}
}

// marshal writes a bundle with what its signature is verified with.
func marshal(leaf *x509.Certificate, b *protobundle.Bundle, timestamp []byte, entries ...*protorekor.TransparencyLogEntry) ([]byte, error) {
	b.MediaType = MediaType
	b.VerificationMaterial = &protobundle.VerificationMaterial{
		Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf.Raw}},
		TlogEntries: entries,
		TimestampVerificationData: &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: timestamp}},
		},
	}
	return protojson.Marshal(b)
}
