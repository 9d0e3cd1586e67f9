package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// Upload sends a blob unless the repository already has it (OCI distribution specification,
// "Pushing a blob monolithically"), and reports whether it had to. The content is opened anew for
// each attempt.
//
// A failed upload is retried as a whole, and more carefully: as [Destination.Restore] does it.
func (d *Destination) Upload(ctx context.Context, blob v1.Layer, digest v1.Hash) (sent bool, err error) {
	return d.Send(ctx, nil, blob, digest)
}

// Send is Upload, after [Destination.Open]. A nil opening is one that is still to be asked for.
func (d *Destination) Send(ctx context.Context, opening *Opening, blob v1.Layer, digest v1.Hash) (sent bool, err error) {
	return d.upload(ctx, blob, digest, func(ctx context.Context, s *session, size int64) (*Opening, error) {
		if o := opening; o != nil {
			opening = nil // it serves once
			return o, nil
		}
		if retry.Number(ctx) > 1 {
			return d.findOrOpen(ctx, s, digest, size)
		}
		return d.mountOrOpen(ctx, s, digest, size)
	})
}

// Restore is Upload, but believes nothing that was learned before: it looks for the blob, because
// the response to an earlier upload may have been lost; it opens a new upload session, because a
// partially written one rejects a second body; and it sends the blob from the beginning.
func (d *Destination) Restore(ctx context.Context, blob v1.Layer, digest v1.Hash) (sent bool, err error) {
	return d.upload(ctx, blob, digest, func(ctx context.Context, s *session, size int64) (*Opening, error) {
		return d.findOrOpen(ctx, s, digest, size)
	})
}

func (d *Destination) upload(
	ctx context.Context, blob v1.Layer, digest v1.Hash, open func(context.Context, *session, int64) (*Opening, error),
) (sent bool, err error) {
	size, err := blob.Size()
	if err != nil {
		return false, err
	}
	err = d.do(ctx, func(ctx context.Context, s *session) error {
		opening, err := open(ctx, s, size)
		if err != nil {
			return err
		}
		sent = sent || !opening.found
		if opening.to == nil {
			return nil
		}
		if err := s.send(ctx, opening.to, blob, digest, size); err != nil {
			return fmt.Errorf("send it: %w", err)
		}
		return nil
	})
	return sent, err
}

// HasBlob reports whether the repository has a blob. A response with another size is about
// something else, except for 0, which some registries send where they do not know.
func (d *Destination) HasBlob(ctx context.Context, digest v1.Hash, size int64) (there bool, err error) {
	err = d.do(ctx, func(ctx context.Context, s *session) error {
		there, err = s.hasBlob(ctx, digest, size, 0)
		return err
	})
	return there, err
}

// hasBlob reports whether the repository has a blob of one of the sizes. A response with status 200
// about something else, such as a login page, does not count.
func (s *session) hasBlob(ctx context.Context, digest v1.Hash, sizes ...int64) (bool, error) {
	resp, err := s.do(ctx, request{
		method: http.MethodHead, url: s.blobURL(digest),
		statuses: []int{http.StatusOK, http.StatusNotFound},
	})
	if err != nil {
		return false, err
	}
	isBlob := resp.StatusCode == http.StatusOK && contentType(resp.Header) != "text/html" &&
		!contradicts(resp.Header, digest) && (resp.ContentLength < 0 || slices.Contains(sizes, resp.ContentLength))
	return isBlob, resp.Body.Close()
}

// confirmBlob makes sure that a registry has a blob after a response that does not say so clearly.
func (s *session) confirmBlob(ctx context.Context, digest v1.Hash, size int64, status int) error {
	there, err := s.hasBlob(ctx, digest, size)
	if err == nil && !there {
		err = errors.New("the repository does not have it")
	}
	if err != nil {
		return seemsDone(status, fmt.Errorf("the registry responded with %d, but the blob is not seen to be there: %w", status, err))
	}
	return nil
}

// seemsDone marks err as retryable if the registry responded that it would do later what was not
// seen to be done.
func seemsDone(status int, err error) error {
	if status == http.StatusAccepted {
		return retry.Retryable(err)
	}
	return err
}

// send uploads a blob in one request.
func (s *session) send(ctx context.Context, to *url.URL, blob v1.Layer, digest v1.Hash, size int64) error {
	opened := 0
	resp, err := s.do(ctx, request{
		method: http.MethodPut, url: uploadURL(to, digest), header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: func() (io.ReadCloser, error) {
			opened++
			return openContent(blob, size)
		},
		size:     size,
		statuses: successes(),
	})
	if err != nil {
		return sessionLost(err, opened > 1 && retry.Number(ctx) == 1)
	}
	return s.stored(ctx, resp, digest, size)
}

// stored makes sure that a registry has a blob that was sent. It must respond with 201; after another
// success, the blob is looked for.
func (s *session) stored(ctx context.Context, resp *http.Response, digest v1.Hash, size int64) error {
	_ = resp.Body.Close() // nothing in it is needed
	if resp.StatusCode == http.StatusCreated && !contradicts(resp.Header, digest) {
		return nil
	}
	return s.confirmBlob(ctx, digest, size, resp.StatusCode)
}

// sessionLost marks as retryable the responses of a registry that does not know an upload session,
// or whose session is not in the state the client assumes: the upload may succeed in a new one. The
// state is doubtful if the body was sent twice, as go-containerregistry's bearer transport does
// after a 401 (v0.22.1, remote/transport/bearer.go); then a digest mismatch is given a second
// chance, too.
func sessionLost(err error, doubtful bool) error {
	var response *transport.Error
	if !errors.As(err, &response) {
		return err
	}
	lost := response.StatusCode == http.StatusRequestedRangeNotSatisfiable ||
		response.StatusCode == http.StatusNotFound && !hasCode(response, transport.NameUnknownErrorCode)
	for _, d := range response.Errors {
		lost = lost || d.Code == transport.BlobUploadUnknownErrorCode || d.Code == transport.BlobUploadInvalidErrorCode ||
			doubtful && d.Code == transport.DigestInvalidErrorCode
	}
	if lost {
		return retry.Retryable(err)
	}
	return err
}
