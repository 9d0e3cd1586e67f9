package leioci_test

import (
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// An attack makes something look trusted that is not. good makes the same artifact trusted, so that
// it shows that what refused the attack was not something else.
type attack struct {
	do   func(w *signedWorld, trusted, other signer)
	good func(w *signedWorld, trusted signer)
}

// signs and refers are how a publisher signs.
func signs(w *signedWorld, trusted signer)  { w.signature(trusted.simple(w.digest)) }
func refers(w *signedWorld, trusted signer) { w.refer(bundleType, trusted.bundle(w.digest)) }

// another is the digest of something else.
func another() v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0a", 32)} }

func many(n int, b blob) []blob {
	blobs := make([]blob, n)
	for i := range blobs {
		blobs[i] = b
	}
	return blobs
}

// attacks are those on signatures that are made with a key.
func attacks() map[string]attack {
	return map[string]attack{
		"unsigned":                 {func(*signedWorld, signer, signer) {}, signs},
		"unsigned, no bundle":      {func(*signedWorld, signer, signer) {}, refers},
		"another key, cosign 2":    {func(w *signedWorld, _, other signer) { w.signature(other.simple(w.digest)) }, signs},
		"another key, cosign 3":    {func(w *signedWorld, _, other signer) { w.refer(bundleType, other.bundle(w.digest)) }, refers},
		"another digest, cosign 2": {func(w *signedWorld, trusted, _ signer) { w.signature(trusted.simple(another())) }, signs},
		"another digest, cosign 3": {func(w *signedWorld, trusted, _ signer) { w.refer(bundleType, trusted.bundle(another())) }, refers},
		"a signature moved to another tag": {func(w *signedWorld, trusted, _ signer) {
			w.put("latest.sig", nil, "", trusted.simple(w.digest))
		}, signs},
		"a bundle under cosign 2's tag, of another digest": {func(w *signedWorld, trusted, _ signer) {
			w.signature(trusted.bundle(another()))
		}, signs},
		"an attestation": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, trusted.statement(w.digest, "https://cosign.sigstore.dev/attestation/v1"))
		}, refers},
		"an attestation of provenance": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, trusted.statement(w.digest, "https://slsa.dev/provenance/v1"))
		}, refers},
		"a predicate that only begins right": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, trusted.statement(w.digest, signPredicate+"/attestation"))
		}, refers},
		"an empty predicate": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, trusted.statement(w.digest, ""))
		}, refers},
		"a payload of another type": {func(w *signedWorld, trusted, _ signer) {
			w.signature(trusted.claim(`{"critical":{"image":{"docker-manifest-digest":"` + w.digest.String() + `"},"type":"atomic container signature"}}`))
		}, signs},
		"a payload without a type": {func(w *signedWorld, trusted, _ signer) {
			w.signature(trusted.claim(`{"critical":{"image":{"docker-manifest-digest":"` + w.digest.String() + `"}}}`))
		}, signs},
		"a digest without its algorithm": {func(w *signedWorld, trusted, _ signer) {
			w.signature(trusted.claim(`{"critical":{"image":{"docker-manifest-digest":"` + w.digest.Hex + `"},"type":"cosign container image signature"}}`))
		}, signs},
		"a payload without a signature": {func(w *signedWorld, trusted, _ signer) {
			b := trusted.simple(w.digest)
			b.annotations = nil
			w.signature(b)
		}, signs},
		"the signature of another payload": {func(w *signedWorld, trusted, _ signer) {
			b := trusted.simple(w.digest)
			b.annotations = trusted.simple(another()).annotations
			w.signature(b)
		}, signs},
		"a signature that is no base64": {func(w *signedWorld, trusted, _ signer) {
			b := trusted.simple(w.digest)
			b.annotations["dev.cosignproject.cosign/signature"] = "?"
			w.signature(b)
		}, signs},
		"a payload that is no JSON": {func(w *signedWorld, trusted, _ signer) { w.signature(trusted.claim("signed")) }, signs},
		"a layer of another type": {func(w *signedWorld, trusted, _ signer) {
			b := trusted.simple(w.digest)
			b.mediaType = "application/json"
			w.signature(b)
		}, signs},
		"a bundle that is no JSON": {func(w *signedWorld, _, _ signer) { w.refer(bundleType, blob{[]byte("{"), bundleType, nil}) }, refers},
		"a bundle of nothing":      {func(w *signedWorld, _, _ signer) { w.refer(bundleType, blob{[]byte("{}"), bundleType, nil}) }, refers},
		"a bundle without a signature": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, edited(trusted.bundle(w.digest), `"signatures":[`, `"signatures":[],"x":[`))
		}, refers},
		"a bundle with the payload of another": {func(w *signedWorld, trusted, _ signer) {
			good := string(trusted.bundle(w.digest).content)
			payload := good[strings.Index(good, `"payload":`):strings.Index(good, `,"payloadType"`)]
			moved := trusted.statement(w.digest, "x")
			old := string(moved.content)
			w.refer(bundleType, edited(moved, old[strings.Index(old, `"payload":`):strings.Index(old, `,"payloadType"`)], payload))
		}, refers},
		"a bundle whose payload has another type": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, edited(trusted.bundle(w.digest), "application/vnd.in-toto+json", "application/json"))
		}, refers},
		"a bundle with a certificate": {func(w *signedWorld, trusted, _ signer) {
			w.refer(bundleType, edited(trusted.bundle(w.digest), `"publicKey":{`, `"certificate":{"rawBytes":""},"publicKey":{`))
		}, refers},
		"a huge payload": {func(w *signedWorld, trusted, _ signer) {
			w.signature(trusted.claim(string(trusted.simple(w.digest).content) + strings.Repeat(" ", 300<<10)))
		}, signs},
		"a huge bundle": {func(w *signedWorld, trusted, _ signer) {
			b := trusted.bundle(w.digest)
			b.content = append(b.content, strings.Repeat(" ", 300<<10)...)
			w.refer(bundleType, b)
		}, refers},
		"a thousand signatures by another, and then a good one": {func(w *signedWorld, trusted, other signer) {
			w.signature(append(many(999, other.simple(w.digest)), trusted.simple(w.digest))...)
		}, func(w *signedWorld, trusted signer) {
			w.signature(append(many(98, newSigner(w.t).simple(w.digest)), trusted.simple(w.digest))...)
		}},
		"an index in place of the signatures": {func(w *signedWorld, _, _ signer) {
			w.putRaw(sigTag(w.digest), []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`), types.OCIImageIndex)
		}, signs},
		"a page of HTML in place of the signatures": {func(w *signedWorld, _, _ signer) {
			url := "http://" + w.reg.Host() + "/v2/" + w.repo.RepositoryStr() + "/manifests/" + sigTag(w.digest)
			req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, url, strings.NewReader("<html>"))
			must(w.t, err)
			req.Header.Set("Content-Type", "text/html")
			resp, err := http.DefaultClient.Do(req)
			must(w.t, err)
			must(w.t, resp.Body.Close())
		}, signs},
	}
}

// edited replaces a part of a blob's text, which must be there.
func edited(b blob, old, replacement string) blob {
	text := string(b.content)
	if !strings.Contains(text, old) {
		panic("no " + old)
	}
	b.content = []byte(strings.Replace(text, old, replacement, 1))
	return b
}
