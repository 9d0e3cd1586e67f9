package leioci_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// The caller promised not to. Nothing verifies the data a second time, so the registry has to.
func TestDataThatChangedAfterNewBlobIsRefusedByTheRegistry(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	manifest, blobs := sample(t)
	data := bytes.Clone(readFile(t, sampleDir, "cache.jsonl.gz"))
	digest, err := v1.NewHash(sampleCache)
	must(t, err)
	for i, b := range blobs {
		if d, err := b.Digest(); err == nil && d == digest {
			blobs[i], err = leioci.NewBlob(digest, data)
			must(t, err)
		}
	}
	data[0] ^= 1
	_, err = newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
	var refused *transport.Error
	if !errors.As(err, &refused) || refused.Errors[0].Code != transport.DigestInvalidErrorCode {
		t.Errorf("got %v", err)
	}
	if n := requestCount(reg, "PUT /v2/org/lei-cache/manifests/"); n > 0 {
		t.Error("a tag was moved")
	}
}

func TestABlobIsALayerOfItsData(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("data")} {
		digest, size, err := v1.SHA256(bytes.NewReader(data))
		must(t, err)
		b, err := leioci.NewBlob(digest, data)
		must(t, err)
		for _, open := range []func() (io.ReadCloser, error){b.Compressed, b.Uncompressed, b.Compressed} {
			rc, err := open()
			must(t, err)
			got, err := io.ReadAll(rc)
			must(t, errors.Join(err, rc.Close()))
			if !bytes.Equal(got, data) {
				t.Errorf("got %q, want %q", got, data)
			}
		}
		gotSize, err := b.Size()
		must(t, err)
		gotDigest, err := b.Digest()
		must(t, err)
		diffID, err := b.DiffID()
		must(t, err)
		if gotSize != size || gotDigest != digest || diffID != digest {
			t.Errorf("%q: got %d bytes, %s, %s", data, gotSize, gotDigest, diffID)
		}
	}
}

func TestABlobKeepsADigestOfItsOwnAlgorithm(t *testing.T) {
	sum := sha512.Sum512([]byte("data"))
	digest := v1.Hash{Algorithm: "sha512", Hex: hex.EncodeToString(sum[:])}
	b, err := leioci.NewBlob(digest, []byte("data"))
	must(t, err)
	if got, err := b.Digest(); err != nil || got != digest {
		t.Errorf("got %s, %v", got, err)
	}
}
