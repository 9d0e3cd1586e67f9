package registry

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// digestHeader is what a registry says the digest of a manifest or blob is. No digest is ever taken
// from it: it is compared with the one that is computed from the content.
const digestHeader = "Docker-Content-Digest"

// digestText is [v1.Hash.String] at less expense: each transfer writes its digest several times.
func digestText(digest v1.Hash) string { return digest.Algorithm + ":" + digest.Hex }

// digestOf computes the digest of raw. The error is that of an unknown algorithm.
func digestOf(algorithm string, raw []byte) (v1.Hash, error) {
	h, err := v1.Hasher(algorithm)
	if err != nil {
		return v1.Hash{}, err
	}
	h.Write(raw)
	return v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(h.Sum(nil))}, nil
}

// verifyManifest returns the digest of a manifest, by which ref names it or else a SHA-256,
// computed from its bytes. It returns errdef.ErrVerification if they are not what ref says or, for
// a tag, what the header says: one of the two is wrong, and nobody can tell which. If ref is a
// digest and the bytes match, the header does not matter.
func verifyManifest(ref name.Reference, header http.Header, raw []byte) (v1.Hash, error) {
	byDigest, ok := ref.(name.Digest)
	if !ok {
		if err := checkDigestHeader(header, raw); err != nil {
			return v1.Hash{}, err
		}
		return digestOf("sha256", raw)
	}
	want, err := v1.NewHash(byDigest.DigestStr())
	if err != nil {
		return v1.Hash{}, fmt.Errorf("%w: %w", errdef.ErrInvalidReference, err)
	}
	got, err := digestOf(want.Algorithm, raw)
	if err == nil && got != want {
		err = fmt.Errorf("%w: want %s, got %s", errdef.ErrVerification, want, got)
	}
	return got, err
}

// checkDigestHeader returns errdef.ErrVerification if a registry sent another digest than that of
// raw. What cannot be compared, because it is absent, malformed or of an unknown algorithm, says
// nothing.
func checkDigestHeader(header http.Header, raw []byte) error {
	for _, said := range digestHeaders(header) {
		if got, err := digestOf(said.Algorithm, raw); err == nil && got != said {
			return fmt.Errorf("%w: %s says %s, but the manifest is %s",
				errdef.ErrVerification, digestHeader, said, got)
		}
	}
	return nil
}

// contradicts reports whether a response about a blob names another digest of the same algorithm.
func contradicts(header http.Header, digest v1.Hash) bool {
	for _, said := range digestHeaders(header) {
		if said.Algorithm == digest.Algorithm && said != digest {
			return true
		}
	}
	return false
}

// digestHeaders returns the well-formed digests that a registry sent.
func digestHeaders(header http.Header) []v1.Hash {
	var all []v1.Hash
	for _, value := range header.Values(digestHeader) {
		if h, err := v1.NewHash(strings.TrimSpace(value)); err == nil {
			all = append(all, h)
		}
	}
	return all
}
