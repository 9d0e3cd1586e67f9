package leioci

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// NewBlob returns data as a layer for [Client.Push]. Data that does not match the digest is
// [ErrVerification]. The data is not copied; do not change it afterwards. It is hashed here, and not
// once more by Push: what is changed all the same, the registry refuses. The layer's media type has
// no meaning, because a blob gets its type from the manifest.
func NewBlob(digest v1.Hash, data []byte) (v1.Layer, error) {
	h, err := v1.Hasher(digest.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", digest, err)
	}
	h.Write(data)
	if got := hex.EncodeToString(h.Sum(nil)); got != digest.Hex {
		return nil, fmt.Errorf("blob %s: %w: the data's digest is %s:%s", digest, ErrVerification, digest.Algorithm, got)
	}
	return &newBlob{digest, data}, nil
}

// newBlob is a layer of data that has the digest. The layers of package static are not used, as
// they compute a digest of their own, and know no algorithm but SHA-256.
type newBlob struct {
	digest v1.Hash
	data   []byte
}

func (b *newBlob) Digest() (v1.Hash, error)            { return b.digest, nil }
func (b *newBlob) DiffID() (v1.Hash, error)            { return b.digest, nil }
func (b *newBlob) Size() (int64, error)                { return int64(len(b.data)), nil }
func (b *newBlob) MediaType() (types.MediaType, error) { return "application/octet-stream", nil }

func (b *newBlob) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b.data)), nil
}

func (b *newBlob) Uncompressed() (io.ReadCloser, error) { return b.Compressed() }
