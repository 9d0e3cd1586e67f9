package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// Upload sends a blob unless the repository already has it (OCI distribution specification,
// "Pushing a blob monolithically"). The content is opened anew for each attempt.
//
// A failed upload is retried as a whole: it checks for the blob again, because the response may
// have been lost; it opens a new upload session, because a partially written one rejects a second
// body; and it sends the blob from the beginning.
func (d *Destination) Upload(ctx context.Context, blob v1.Layer, digest v1.Hash) error {
	return d.do(ctx, func(ctx context.Context, s *session) error {
		there, err := s.hasBlob(ctx, digest)
		if err != nil {
			return fmt.Errorf("look for it: %w", err)
		}
		if there {
			return nil
		}
		to, err := d.openUpload(ctx, s)
		if err != nil {
			return fmt.Errorf("open an upload: %w", err)
		}
		if err := s.send(ctx, to, blob, digest); err != nil {
			return fmt.Errorf("send it: %w", err)
		}
		return nil
	})
}

// HasBlob reports whether the repository has a blob.
func (d *Destination) HasBlob(ctx context.Context, digest v1.Hash) (there bool, err error) {
	err = d.do(ctx, func(ctx context.Context, s *session) error {
		there, err = s.hasBlob(ctx, digest)
		return err
	})
	return there, err
}

func (s *session) hasBlob(ctx context.Context, digest v1.Hash) (bool, error) {
	resp, err := s.do(ctx, request{
		method: http.MethodHead, url: s.url("blobs/" + digest.String()),
		statuses: []int{http.StatusOK, http.StatusNotFound},
	})
	if err != nil {
		return false, err
	}
	return resp.StatusCode == http.StatusOK, resp.Body.Close()
}

// openUpload starts an upload session and returns the URL to send the content to.
func (d *Destination) openUpload(ctx context.Context, s *session) (*url.URL, error) {
	resp, err := s.do(ctx, request{
		method: http.MethodPost, url: s.url("blobs/uploads/"),
		statuses: []int{http.StatusAccepted},
	})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return d.client.guard.Location(resp)
}

// send uploads a blob in one request.
func (s *session) send(ctx context.Context, to *url.URL, blob v1.Layer, digest v1.Hash) error {
	size, err := blob.Size()
	if err != nil {
		return err
	}
	q := to.Query()
	q.Set("digest", digest.String())
	to.RawQuery = q.Encode()
	opened := 0
	resp, err := s.do(ctx, request{
		method: http.MethodPut, url: to.String(), header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: func() (io.ReadCloser, error) {
			opened++
			return blob.Compressed()
		},
		size:     size,
		statuses: []int{http.StatusCreated},
	})
	if err != nil {
		return sessionLost(err, opened > 1 && retry.Number(ctx) == 1)
	}
	return resp.Body.Close()
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
	lost := response.StatusCode == http.StatusRequestedRangeNotSatisfiable
	for _, d := range response.Errors {
		lost = lost || d.Code == transport.BlobUploadUnknownErrorCode || d.Code == transport.BlobUploadInvalidErrorCode ||
			doubtful && d.Code == transport.DigestInvalidErrorCode
	}
	if lost {
		return retry.Retryable(err)
	}
	return err
}
