package leioci

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/staging"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// contentOpener opens a blob from an offset on. Besides an error it returns whose that is.
type contentOpener func(ctx context.Context, d v1.Descriptor, offset int64) (*content, error)

// fetch gets the file of one layer, verified: from the old directory, which puts it into the new one, or, if that does not
// have it, from where it is pulled from. Then it is in the partial file that is returned, for the caller to move or close.
func (p *pulling) fetch(ctx context.Context, stage *staging.Dir, f snapshotFile) (*staging.Partial, error) {
	if p.reuse(ctx, stage, f) {
		return nil, nil
	}
	part, err := stage.Partial(partialID(f.descriptor.Digest))
	if err != nil {
		return nil, err
	}
	return part, p.complete(ctx, part, f.descriptor)
}

// partialID is the id of the partial file for a blob.
func partialID(digest v1.Hash) string { return digest.Algorithm + "-" + digest.Hex }

// reuse links a file of the old directory into the new one. It is verified there: the old one may have been replaced.
func (p *pulling) reuse(ctx context.Context, stage *staging.Dir, f snapshotFile) bool {
	from := p.held.path(f.descriptor.Digest)
	return from != "" && stage.Link(f.name, from) == nil &&
		verifyFile(ctx, filepath.Join(stage.Path(), f.name), f.descriptor) == nil
}

// complete fills a partial file with the content that d describes. Content that came in pieces, from an earlier pull or
// from several answers, and is not right is fetched once more, from its beginning; a mirror whose content is not right is
// passed over.
func (p *pulling) complete(ctx context.Context, part *staging.Partial, d v1.Descriptor) error {
	if part.Size() > d.Size {
		if err := part.Reset(); err != nil {
			return err
		}
	}
	open, o := p.open, p.origin
	for again := true; ; {
		got, err := p.download(ctx, part, d, open)
		// Where the context has ended, its cause may be another blob's.
		wrong := ctx.Err() == nil && errors.Is(err, ErrVerification) && !errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case again && (wrong && got.pieces(d) || answered(err) && got.offset > 0):
			again = false
		case wrong && o != nil && o.without(got.from()) != nil:
			o.report(got.from(), err)
			o = o.without(got.from())
			open, again = o.openContent, true
		case wrong:
			return errors.Join(err, part.Reset()) // it would only mislead the next pull
		default:
			return err
		}
		if err := part.Reset(); err != nil {
			return err
		}
	}
}

// answered reports whether err is an answer that will be the same next time, unless less is asked for. A refusal of the
// credentials is another thing: what has come is kept for those that are right.
func answered(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && !retry.IsPassing(err) && !refused(err)
}

// download appends what is missing, and says besides its error what that was.
func (p *pulling) download(ctx context.Context, part *staging.Partial, d v1.Descriptor, open contentOpener) (got *rest, err error) {
	got = &rest{offset: part.Size()}
	got.open = func() (*content, error) { return open(ctx, d, got.offset) }
	defer func() {
		p.fetched.Add(got.n)
		err = errors.Join(err, got.Close())
	}()
	v, err := verify.NewReader(contextReader{ctx, io.MultiReader(part.Content(), got)}, d.Digest, d.Size, p.maxBlob)
	if err != nil {
		return got, err
	}
	if _, err := io.CopyN(io.Discard, v, got.offset); err != nil || got.offset > 0 && got.offset == d.Size {
		return got, err
	}
	_, err = io.Copy(part, v)
	return got, err
}

// rest is what a partial file lacks. It is asked for when it is read first: never, if nothing is missing.
type rest struct {
	open    func() (*content, error)
	offset  int64 // where it begins
	n       int64 // how much was read
	content *content
	err     error // of opening it
}

// Read implements [io.Reader].
func (r *rest) Read(b []byte) (int, error) {
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
func (r *rest) Close() error {
	if r.content == nil || r.content.ReadCloser == nil {
		return nil
	}
	return r.content.Close()
}

// from returns the source that answered last.
func (r *rest) from() name.Repository {
	if r.content == nil {
		return name.Repository{}
	}
	return r.content.from
}

// pieces reports whether the content did not come whole from one answer.
func (r *rest) pieces(d v1.Descriptor) bool {
	return r.offset > 0 || r.content != nil && r.content.mixed() && r.n >= d.Size
}
