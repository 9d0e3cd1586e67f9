// Package verify reads content that must have a known digest.
package verify

import (
	"bufio"
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
	v.hash.Write(p[:n])
	v.read += int64(n)
	if v.err = v.check(err); v.err != nil && v.err != io.EOF {
		return 0, v.err
	}
	return n, v.err
}

// check judges what has been read so far. err is what the source returned last.
func (v *Reader) check(err error) error {
	switch {
	case v.size == SizeUnknown && v.read > v.most:
		return fmt.Errorf("%w: more than %d bytes", errdef.ErrTooLarge, v.most)
	case v.size != SizeUnknown && v.read > v.size:
		return fmt.Errorf("%w: %s is longer than its %d bytes", errdef.ErrVerification, v.digest, v.size)
	case v.read == v.size && !v.checked:
		v.checked = true
		if got := v.sum(); got != v.digest.Hex {
			return v.mismatch(got)
		}
		return err
	case err == io.EOF && v.size == SizeUnknown:
		if got := v.sum(); got != v.digest.Hex {
			return v.mismatch(got)
		}
		return err
	case err == io.EOF && v.read < v.size:
		return v.short(io.ErrUnexpectedEOF)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return v.short(err)
	default:
		return err
	}
}

func (v *Reader) sum() string { return hex.EncodeToString(v.hash.Sum(nil)) }

func (v *Reader) mismatch(got string) error {
	return fmt.Errorf("%w: want %s, got %s:%s after %d bytes",
		errdef.ErrVerification, v.digest, v.digest.Algorithm, got, v.read)
}

func (v *Reader) short(cause error) error {
	if v.size == SizeUnknown {
		return fmt.Errorf("%w: %s breaks off after %d bytes: %w", errdef.ErrVerification, v.digest, v.read, cause)
	}
	return fmt.Errorf("%w: %s ends after %d of %d bytes: %w", errdef.ErrVerification, v.digest, v.read, v.size, cause)
}
