package registry

import (
	"context"
	"errors"
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
	// Reset empties it.
	Reset() error
}

// Download fills part with the verified content of a blob and returns the number of bytes it used
// from the network.
//
// Content that came in pieces, from an earlier download or from several responses, and does not
// verify is fetched once more from its beginning. A mirror whose content does not verify is passed
// over. In every other case part keeps what has come, for the next download.
func (s *Source) Download(ctx context.Context, d v1.Descriptor, part Partial) (fetched int64, err error) {
	if part.Size() > d.Size {
		if err := part.Reset(); err != nil {
			return 0, err
		}
	}
	for mayRestart := true; ; {
		got, err := s.appendMissing(ctx, d, part)
		fetched += got.fetched()
		// Where the context has ended, its cause may be another blob's. A response that was not what
		// was asked for says nothing about the bytes that are there.
		wrong := ctx.Err() == nil && errors.Is(err, errdef.ErrVerification) && !errors.Is(err, io.ErrUnexpectedEOF) && !resume.Mismatched(err)
		switch {
		case mayRestart && wrong && got.inPieces(d):
			mayRestart = false
		case wrong && got.answered() && s.Without(got.content.from) != nil:
			s.report(got.content.from, err)
			s = s.Without(got.content.from)
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

// appendMissing appends what part lacks of a blob, and returns besides its error what that was.
func (s *Source) appendMissing(ctx context.Context, d v1.Descriptor, part Partial) (got *remainder, err error) {
	got = &remainder{offset: part.Size()}
	got.open = func() (*content, error) { return s.open(ctx, d, got.offset) }
	defer func() { err = errors.Join(err, got.Close()) }()
	whole := verify.Until(ctx, io.MultiReader(part.Content(), got))
	v, err := verify.NewReader(whole, d.Digest, d.Size, s.client.config.MaxBlobBytes)
	if err != nil {
		return got, err
	}
	if _, err := io.CopyN(io.Discard, v, got.offset); err != nil || got.offset > 0 && got.offset == d.Size {
		return got, err
	}
	_, err = io.Copy(part, v)
	return got, err
}

// A remainder is the part of a blob that a partial file lacks. The first Read opens it, so if
// nothing is missing no request is made.
type remainder struct {
	open    func() (*content, error)
	offset  int64 // where it begins
	n       int64 // how much was read
	content *content
	err     error // of opening it
}

// Read implements [io.Reader].
func (r *remainder) Read(b []byte) (int, error) {
	if r.content == nil {
		r.content, r.err = r.open()
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.content.Read(b)
	r.n += int64(n)
	return n, err
}

// Close closes what was opened.
func (r *remainder) Close() error {
	if r.content == nil || r.content.Reader == nil {
		return nil
	}
	return r.content.Close()
}

// fetched returns how many bytes came from the network.
func (r *remainder) fetched() int64 {
	if r.content == nil || r.content.Reader == nil {
		return r.n
	}
	return r.n + r.content.Skipped()
}

// answered reports whether a request was attempted.
func (r *remainder) answered() bool { return r.content != nil }

// inPieces reports whether the content was assembled from more than one response or download.
func (r *remainder) inPieces(d v1.Descriptor) bool {
	resumed := r.content != nil && r.content.Reader != nil && r.content.Resumed()
	return r.offset > 0 || resumed && r.n >= d.Size
}
