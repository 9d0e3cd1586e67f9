package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"

	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"google.golang.org/protobuf/encoding/protojson"
)

// An Instance has what a deployment of Sigstore has: a certificate authority, a certificate
// transparency log, a transparency log (Rekor), and a timestamp authority.
type Instance struct {
	virtual *ca.VirtualSigstore
	// The certificates of the virtual instance have no signed certificate timestamp. So there is
	// another authority for those that need one.
	authority    *root.FulcioCertificateAuthority
	authorityKey *ecdsa.PrivateKey
	ctKey        *ecdsa.PrivateKey
	trusted      []byte
}

// New returns an instance with new keys.
func New() (*Instance, error) {
	virtual, err := ca.NewVirtualSigstore()
	if err != nil {
		return nil, err
	}
	i := &Instance{virtual: virtual}
	rootCert, rootKey, err := ca.GenerateRootCa()
	if err != nil {
		return nil, err
	}
	intermediate, key, err := ca.GenerateFulcioIntermediate(rootCert, rootKey)
	if err != nil {
		return nil, err
	}
	i.authorityKey = key
	i.authority = &root.FulcioCertificateAuthority{
		URI: "https://fulcio.example.org", Root: rootCert, Intermediates: []*x509.Certificate{intermediate},
		ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
	}
	if i.ctKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	i.trusted, err = i.trustedRoot()
	return i, err
}

// Root returns the instance's trusted root, in JSON.
func (i *Instance) Root() []byte { return i.trusted }

func (i *Instance) trustedRoot() ([]byte, error) {
	logs := i.virtual.RekorLogs()
	for id, log := range logs {
		raw, err := hex.DecodeString(id) // which its own field has in hexadecimal
		if err != nil {
			return nil, err
		}
		log.ID = raw
	}
	id, err := keyID(i.ctKey.Public())
	if err != nil {
		return nil, err
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		append(i.virtual.FulcioCertificateAuthorities(), i.authority),
		map[string]*root.TransparencyLog{hex.EncodeToString(id[:]): {
			BaseURL: "https://ct.example.org", ID: id[:], HashFunc: crypto.SHA256, PublicKey: i.ctKey.Public(),
			ValidityPeriodStart: time.Now().Add(-time.Hour),
		}},
		i.virtual.TimestampingAuthorities(), logs)
	if err != nil {
		return nil, err
	}
	return trusted.MarshalJSON()
}

// keyID is how logs name their keys.
func keyID(key crypto.PublicKey) ([sha256.Size]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return sha256.Sum256(der), err
}

// Prove returns a proof of inclusion, in JSON as in a bundle, under a checkpoint of Rekor version 1. A
// log of that version has no body of another, but this one takes any.
func (i *Instance) Prove(body []byte) ([]byte, error) {
	made, err := i.virtual.GetInclusionProof(body)
	if err != nil {
		return nil, err
	}
	rootHash, err := hex.DecodeString(*made.RootHash)
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(made.Hashes))
	for n, h := range made.Hashes {
		if hashes[n], err = hex.DecodeString(h); err != nil {
			return nil, err
		}
	}
	return protojson.Marshal(&protorekor.InclusionProof{
		LogIndex: *made.LogIndex, RootHash: rootHash, TreeSize: *made.TreeSize, Hashes: hashes,
		Checkpoint: &protorekor.Checkpoint{Envelope: *made.Checkpoint},
	})
}
