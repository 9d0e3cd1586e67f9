package registry

import (
	"context"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// SizeUnknown is the size of a blob whose length is learned from the registry's response.
const SizeUnknown = verify.SizeUnknown

// Blob opens a blob for reading and verifies it along the way. If the connection breaks, reading
// resumes over a new one. It is one stream, however slow: in parallel a blob is fetched only to a
// file, by [Source.Download]. The caller must close the reader.
func (s *Source) Blob(ctx context.Context, d v1.Descriptor) (*VerifiedBlob, error) {
	c, err := s.open(ctx, d, 0)
	if err != nil {
		return nil, err
	}
	v, err := verify.NewReader(c, d.Digest, c.Size, s.client.config.MaxBlobBytes)
	if err != nil {
		_ = c.Close() // nothing was read; the first error is the one to report
		return nil, err
	}
	return &VerifiedBlob{v, c}, nil
}

// A VerifiedBlob is the content of a blob, which its reader vouches for.
type VerifiedBlob struct {
	*verify.Reader
	io.Closer
}

// content is a blob as it arrives, not yet verified.
type content struct {
	*resume.Reader
	blob   v1.Descriptor
	source *Source
	next   *Source         // source, in the order in which its places are asked next
	from   name.Repository // the place that responded last
	// divisible: that place may serve ranges on connections of their own.
	divisible bool
}

// open opens a blob at an offset. If the stream breaks off, it resumes, at another place if
// necessary. On error, content.from is the place that failed.
func (s *Source) open(ctx context.Context, d v1.Descriptor, offset int64) (*content, error) {
	c := &content{blob: d, source: s, next: s}
	var err error
	c.Reader, err = resume.Open(ctx, s.client.config.Retry, resume.Content{
		Fetch: c.fetch, Size: d.Size, Offset: offset, Notify: s.client.logRetry,
	})
	return c, err
}

// fetch asks for the blob, or for a range of it.
func (c *content) fetch(ctx context.Context, bytes string) (resp *http.Response, err error) {
	if c.Reader != nil {
		c.blob.Size = c.Size // it may have been learned since
	}
	c.from, err = c.next.askOnce(ctx, func(ctx context.Context, session *session) (err error) {
		resp, err = session.getBlob(ctx, c.blob, bytes, c.source.client.config.MaxBlobBytes) //nolint:bodyclose // the reader's to close
		return err
	})
	c.divisible = err == nil && servesRanges(resp, bytes)
	c.next = c.source.last(c.from) // where to resume
	return resp, err
}

// getBlob asks for a blob, or for a range of it if bytes is not empty. It is asked for as it is
// stored: net/http would ask for it compressed, and undo that silently.
//
// The registry may send the client to its storage with a signed URL. If the storage refuses that,
// the URL may be too old, and the registry is asked for another one, once.
func (s *session) getBlob(ctx context.Context, d v1.Descriptor, bytes string, most int64) (*http.Response, error) {
	r := request{
		method: http.MethodGet, url: s.blobURL(d.Digest),
		header:   http.Header{"Accept-Encoding": {"identity"}},
		statuses: []int{http.StatusOK},
	}
	if bytes != "" {
		r.header.Set("Range", bytes)
		r.statuses = append(r.statuses, http.StatusPartialContent)
	}
	ctx = limit.Answer(withLargeAnswer(ctx, d.Size), most) // not for the handshake, which has no blob to read
	resp, err := s.do(ctx, r)
	if _, elsewhere := RespondedElsewhere(err); elsewhere && bytes == "" && hasStatus(err, http.StatusUnauthorized, http.StatusForbidden) {
		r.header = r.header.Clone()
		resp, err = s.do(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if err := resume.Check(resp, bytes, d.Size); err != nil { // another place may have it
		_ = resp.Body.Close() // its content is not used
		return nil, err
	}
	return resp, nil
}
