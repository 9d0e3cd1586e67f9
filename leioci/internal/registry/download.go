package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// A Partial is a file that a blob is downloaded to. It may already hold the beginning of the blob,
// from a download that was interrupted, or something else entirely.
type Partial interface {
	// Size is the number of bytes it held when it was opened, or zero after Reset.
	Size() int64
	// Content reads those bytes.
	Content() io.Reader
	// Write appends.
	io.Writer
	// Reset empties it, and removes its pieces.
	Reset() error
}

// A Told partial file is told, when content begins to come, from which place it does.
type Told interface {
	From(place fmt.Stringer)
}

// A Divisible partial file can have pieces beside it: what came from later offsets, while the file
// itself has not grown to there.
type Divisible interface {
	Partial
	// Pieces returns the offsets, in order, of the pieces that earlier downloads left.
	Pieces() []int64
	// Beside opens the piece that begins at an offset, or creates it.
	Beside(offset int64) (Piece, error)
}

// A Piece is a file that may hold some of a blob, from an offset on, or something else entirely. It
// is an alias, so that it is the same for packages that do not know this one.
type Piece = interface {
	// Size is the number of bytes it held when it was opened.
	Size() int64
	// ReadAt reads what it holds. Another goroutine may write at the same time.
	io.ReaderAt
	// Write appends.
	io.Writer
	// Close closes it, and keeps it for a later download as long as that is of use to one.
	io.Closer
	// Remove closes and removes it.
	Remove() error
}

// Download fills part with the verified content of a blob and returns the number of bytes it used
// from the network.
//
// If one stream is slow, what is left is divided, and fetched in several ranges at the same time, if
// part is [Divisible]; see [remainder].
//
// Content that came in pieces, from an earlier download or from several responses, and does not
// verify is fetched once more from its beginning, in one stream. A mirror whose content does not
// verify is passed over. In every other case part keeps what has come, for the next download.
func (s *Source) Download(ctx context.Context, d v1.Descriptor, part Partial) (fetched int64, err error) {
	if part.Size() > d.Size {
		if err := part.Reset(); err != nil {
			return 0, err
		}
	}
	for mayRestart := true; ; {
		got, err := s.appendMissing(ctx, d, part, mayRestart)
		fetched += got.fetched()
		// Where the context has ended, its cause may be another blob's. A response that was not what
		// was asked for says nothing about the bytes that are there.
		wrong := ctx.Err() == nil && errors.Is(err, errdef.ErrVerification) && !errors.Is(err, io.ErrUnexpectedEOF) && !resume.Mismatched(err)
		if wrong && got.pieces && got.asked {
			got.rest()
		}
		switch {
		case mayRestart && wrong && got.inPieces():
			mayRestart = false
		case wrong && got.asked && s.Without(got.from) != nil:
			s.report(got.from, err)
			s = s.Without(got.from)
			mayRestart = true
		case wrong:
			return fetched, errors.Join(err, part.Reset()) // it would only mislead the next download
		default:
			return fetched, err
		}
		if err := part.Reset(); err != nil {
			return fetched, err
		}
	}
}

// appendMissing appends what part lacks of a blob, and returns besides its error what that was. With
// divide, some of it may come from the pieces beside part.
func (s *Source) appendMissing(ctx context.Context, d v1.Descriptor, part Partial, divide bool) (got *remainder, err error) {
	got = newRemainder(ctx, s, d, part.Size())
	got.told, _ = part.(Told)
	if divisible, ok := part.(Divisible); ok && divide {
		got.use(divisible)
	}
	defer func() { err = errors.Join(err, got.Close()) }()
	whole := verify.Until(ctx, io.MultiReader(part.Content(), got))
	v, err := verify.NewReader(whole, d.Digest, d.Size, s.client.config.MaxBlobBytes)
	if err != nil {
		return got, err
	}
	if _, err := io.CopyN(io.Discard, v, got.offset); err != nil || got.offset > 0 && got.offset == d.Size {
		return got, err
	}
	_, err = io.Copy(frugal{part, got}, v)
	return got, err
}

// frugal appends to a partial file. If that fails, the disk may be full, and the pieces beside the
// file are given up for it: they are fetched again.
type frugal struct {
	part Partial
	from *remainder
}

func (f frugal) Write(b []byte) (int, error) {
	n, err := f.part.Write(b)
	if err == nil || !f.from.giveUpPieces() {
		return n, err
	}
	more, err := f.part.Write(b[n:])
	return n + more, err
}
