// Package verify reads content that must have a known digest.
package verify

import (
	"bufio"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// SizeUnknown is the size of content whose length is not known before it ends.
const SizeUnknown = -1

// Reader passes content on and vouches for it: it never returns io.EOF, nor the last bytes,
// unless size and digest are right. So a caller who reads exactly as many bytes as there
// should be, and never asks for the end, is told all the same.
type Reader struct {
	r       io.Reader
	digest  v1.Hash
	size    int64
	most    int64
	hash    hash.Hash
	read    int64
	checked bool
	err     error
}

// NewReader returns a Reader of content that must have the given digest and size (or SizeUnknown),
// and at most so many bytes. Reading fails with errdef.ErrVerification or errdef.ErrTooLarge.
// NewReader itself fails if size exceeds the limit, or if the digest algorithm is unknown.
func NewReader(r io.Reader, digest v1.Hash, size, most int64) (*Reader, error) {
	if size > most {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", errdef.ErrTooLarge, size, most)
	}
	h, err := v1.Hasher(digest.Algorithm)
	if err != nil {
		return nil, err
	}
	if size == SizeUnknown {
		r = lookahead{bufio.NewReader(r)}
	}
	return &Reader{r: r, digest: digest, size: size, most: most, hash: h}, nil
}

// lookahead returns io.EOF together with the last bytes. Content of unknown size is recognised as
// complete only by its end, and its last bytes must not be returned before that.
type lookahead struct{ r *bufio.Reader }

func (l lookahead) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if n > 0 && err == nil {
		_, err = l.r.Peek(1)
	}
	return n, err
}

// Read implements io.Reader.
func (v *Reader) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.r.Read(p)
	if v.take(p[:n], err); v.err != nil && v.err != io.EOF {
		return 0, v.err
	}
	return n, v.err
}

// take judges what has been read so far, together with the next piece. err is what the source
// returned with that.
func (v *Reader) take(p []byte, err error) {
	v.hash.Write(p)
	v.read += int64(len(p))
	v.err = v.check(err)
}

// Size returns the size that the content must have, or SizeUnknown.
func (v *Reader) Size() int64 { return v.size }

// check judges what has been read so far. err is what the source returned last.
func (v *Reader) check(err error) error {
	switch {
	case v.size == SizeUnknown && v.read > v.most:
		return fmt.Errorf("%w: more than %d bytes", errdef.ErrTooLarge, v.most)
	case v.size != SizeUnknown && v.read > v.size:
		return fmt.Errorf("%w: %s is longer than its %d bytes", errdef.ErrVerification, v.digest, v.size)
	case v.read == v.size && !v.checked:
		v.checked = true
		return v.compare(err)
	case err == io.EOF && v.size == SizeUnknown:
		return v.compare(err)
	case err == io.EOF && v.read < v.size:
		return v.short(io.ErrUnexpectedEOF)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return v.short(err)
	default:
		return err
	}
}

// compare returns err if the digest is right.
func (v *Reader) compare(err error) error {
	var buffer [2 * sha512.Size]byte // of the longest digest that package v1 knows
	got := hex.AppendEncode(buffer[:0], v.hash.Sum(nil))
	if string(got) != v.digest.Hex {
		return fmt.Errorf("%w: want %s, got %s:%s after %d bytes",
			errdef.ErrVerification, v.digest, v.digest.Algorithm, string(got), v.read)
	}
	return err
}

func (v *Reader) short(cause error) error {
	if v.size == SizeUnknown {
		return fmt.Errorf("%w: %s breaks off after %d bytes: %w", errdef.ErrVerification, v.digest, v.read, cause)
	}
	return fmt.Errorf("%w: %s ends after %d of %d bytes: %w", errdef.ErrVerification, v.digest, v.read, v.size, cause)
}
