package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// A contentHash is the SHA-256 of all lines concatenated without their newlines.
type contentHash struct{ sum hash.Hash }

func newContentHash() *contentHash { return &contentHash{sha256.New()} }

// write adds some of the content.
func (c *contentHash) write(content []byte) {
	for part := range bytes.SplitSeq(content, []byte("\n")) {
		c.sum.Write(part)
	}
}

// String returns the hash in hexadecimal digits.
func (c *contentHash) String() string { return hex.EncodeToString(c.sum.Sum(nil)) }
