package leioci_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A signer makes what cosign makes with a key, as the specifications of its formats say.
type signer struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

func newSigner(t testing.TB) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return signer{t, key}
}

// pem returns the public key.
func (s signer) pem() []byte {
	s.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	must(s.t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func (s signer) sign(message []byte) string {
	s.t.Helper()
	sum := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, sum[:])
	must(s.t, err)
	return base64.StdEncoding.EncodeToString(sig)
}

// A blob is a layer of a manifest that is attached to an artifact.
type blob struct {
	content     []byte
	mediaType   types.MediaType
	annotations map[string]string
}

const (
	simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json"
	bundleType        = "application/vnd.dev.sigstore.bundle.v0.3+json"
	signPredicate     = "https://sigstore.dev/cosign/sign/v1"
)

// simple is a layer of simple signing, of a digest.
func (s signer) simple(digest v1.Hash) blob {
	s.t.Helper()
	return s.claim(fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"registry.test/lei"},`+
		`"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, digest))
}

// claim is a layer of simple signing, of any payload.
func (s signer) claim(payload string) blob {
	return blob{[]byte(payload), simpleSigningType, map[string]string{
		"dev.cosignproject.cosign/signature": s.sign([]byte(payload)),
	}}
}

// bundle is a layer with a bundle that says that a digest is signed.
func (s signer) bundle(digest v1.Hash) blob { return s.statement(digest, signPredicate) }

// statement is a layer with a bundle that says something of a digest.
func (s signer) statement(digest v1.Hash, predicate string) blob {
	s.t.Helper()
	const payloadType = "application/vnd.in-toto+json"
	payload := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],`+
		`"predicateType":%q,"predicate":{}}`, digest.Hex, predicate)
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	must(s.t, err)
	hint := sha256.Sum256(der)
	text, err := json.Marshal(map[string]any{
		"mediaType":            bundleType,
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": hint[:]}},
		"dsseEnvelope": map[string]any{
			"payload": []byte(payload), "payloadType": payloadType,
			"signatures": []any{map[string]any{"sig": s.sign([]byte(message))}},
		},
	})
	must(s.t, err)
	return blob{text, bundleType, nil}
}

// A signedWorld is a repository with a snapshot, to which signatures can be attached in every way.
type signedWorld struct {
	t       testing.TB
	reg     *leiocitest.Registry
	repo    name.Repository
	digest  v1.Hash
	subject v1.Descriptor
	options []remote.Option // of those who sign
}

// newSignedWorld has a registry with the referrers API, or without.
func newSignedWorld(t testing.TB, img v1.Image, api bool) *signedWorld {
	t.Helper()
	w := &signedWorld{t: t, reg: leiocitest.Serve(t, signedRegistry(api))}
	w.fill(newClient(t), img)
	return w
}

// newSignedNetwork is newSignedWorld in memory, with the referrers API. In a bubble of package
// synctest, nothing there takes time. The transport is for the clients.
func newSignedNetwork(t testing.TB, img v1.Image) (*signedWorld, http.RoundTripper) {
	t.Helper()
	network := leiocitest.NewNetwork(t)
	transport := network.Transport()
	w := &signedWorld{t: t, reg: network.Serve("registry.localhost", signedRegistry(true)), options: []remote.Option{remote.WithTransport(transport)}}
	w.fill(newClient(t, leioci.WithTransport(transport)), img)
	return w, transport
}

func signedRegistry(api bool) http.Handler {
	return registry.New(registry.WithReferrersSupport(api), registry.Logger(log.New(io.Discard, "", 0)))
}

// fill pushes the snapshot.
func (w *signedWorld) fill(c *leioci.Client, img v1.Image) {
	t := w.t
	t.Helper()
	w.repo = repository(t, w.reg)
	_, err := c.PushSnapshot(t.Context(), w.repo, []string{"2026-02-08", "latest"}, img)
	must(t, err)
	w.digest, err = img.Digest()
	must(t, err)
	raw, err := img.RawManifest()
	must(t, err)
	w.subject = v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: w.digest, Size: int64(len(raw))}
}

// sigTag is where cosign 2 puts the signatures of a digest.
func sigTag(digest v1.Hash) string { return digest.Algorithm + "-" + digest.Hex + ".sig" }

// signature puts a manifest with layers under cosign 2's tag.
func (w *signedWorld) signature(layers ...blob) { w.put(sigTag(w.digest), nil, "", layers...) }

// refer puts a manifest with layers that refers to the snapshot.
func (w *signedWorld) refer(artifactType string, layers ...blob) {
	w.put("", &w.subject, artifactType, layers...)
}

// put puts a manifest under a tag, or under its digest alone, as go-containerregistry does it. That
// writes the list of referrers where the registry has none.
func (w *signedWorld) put(tag string, subject *v1.Descriptor, artifactType string, layers ...blob) {
	w.t.Helper()
	upload := func(b blob) v1.Descriptor {
		l := static.NewLayer(b.content, b.mediaType)
		must(w.t, remote.WriteLayer(w.repo, l, w.options...))
		digest, err := l.Digest()
		must(w.t, err)
		return v1.Descriptor{MediaType: b.mediaType, Size: int64(len(b.content)), Digest: digest, Annotations: b.annotations}
	}
	m := map[string]any{
		"schemaVersion": 2, "mediaType": types.OCIManifestSchema1,
		"config": upload(blob{[]byte("{}"), "application/vnd.oci.empty.v1+json", nil}), "layers": []v1.Descriptor{},
	}
	for _, l := range layers {
		m["layers"] = append(m["layers"].([]v1.Descriptor), upload(l))
	}
	if subject != nil {
		m["subject"] = subject
	}
	if artifactType != "" {
		m["artifactType"] = artifactType
	}
	raw, err := json.Marshal(m)
	must(w.t, err)
	w.putRaw(tag, raw, types.OCIManifestSchema1)
}

// putRaw puts a manifest, or what is said to be one.
func (w *signedWorld) putRaw(tag string, raw []byte, mediaType types.MediaType) {
	w.t.Helper()
	var ref name.Reference = w.repo.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256(raw)))
	if tag != "" {
		ref = w.repo.Tag(tag)
	}
	must(w.t, remote.Put(ref, rawManifest{raw, mediaType}, w.options...))
}
