package sigstoretest

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/sigstore-go/pkg/tlog"
)

// Claim returns the payload of simple signing that says that a digest is signed.
func Claim(digest v1.Hash) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"registry.test/lei"},`+
		`"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, digest)
}

// SignSimple returns a layer of simple signing, the format of cosign 2, in which a subject that an
// issuer has authenticated signs a payload, such as a [Claim]. The log states the time; so does the
// timestamp authority.
func (i *Instance) SignSimple(subject, issuer string, payload []byte) (mutate.Addendum, error) {
	leaf, key, err := i.certify(subject, issuer)
	if err != nil {
		return mutate.Addendum{}, err
	}
	sum := sha256.Sum256(payload)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return mutate.Addendum{}, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	logged, err := i.logFile(sum[:], sig, certificate)
	if err != nil {
		return mutate.Addendum{}, err
	}
	timestamp, err := i.virtual.TimestampResponse(sig)
	if err != nil {
		return mutate.Addendum{}, err
	}
	return mutate.Addendum{
		Layer: static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{
			"dev.cosignproject.cosign/signature":   base64.StdEncoding.EncodeToString(sig),
			"dev.sigstore.cosign/certificate":      string(certificate),
			"dev.sigstore.cosign/bundle":           logged,
			"dev.sigstore.cosign/rfc3161timestamp": fmt.Sprintf(`{"SignedRFC3161Timestamp":%q}`, base64.StdEncoding.EncodeToString(timestamp)),
		},
	}, nil
}

// logFile is an entry of Rekor version 1 for the signature of a file, as cosign 2 writes it.
func (i *Instance) logFile(sum, sig, certificate []byte) (string, error) {
	type object = map[string]any
	body, err := json.Marshal(object{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": object{
		"data":      object{"hash": object{"algorithm": "sha256", "value": hex.EncodeToString(sum)}},
		"signature": object{"content": sig, "publicKey": object{"content": certificate}},
	}})
	if err != nil {
		return "", err
	}
	id, err := i.virtual.RekorLogID()
	if err != nil {
		return "", err
	}
	payload := tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: time.Now().Unix(), LogIndex: 7, LogID: id}
	promise, err := i.virtual.RekorSignPayload(payload)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(object{"SignedEntryTimestamp": promise, "Payload": payload})
	return string(text), err
}

// AttachSimple puts layers of simple signing under the tag where cosign 2 looks for the signatures
// of a digest, in place of what is there.
func AttachSimple(ctx context.Context, rt http.RoundTripper, repo name.Repository, digest v1.Hash, layers ...mutate.Addendum) error {
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layers...)
	if err != nil {
		return err
	}
	return remote.Write(repo.Tag(digest.Algorithm+"-"+digest.Hex+".sig"), img, remote.WithContext(ctx), remote.WithTransport(rt))
}
