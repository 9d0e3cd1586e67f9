package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// request is one of the blob requests, which package remote does not send the way this package
// needs.
type request struct {
	method, url string
	header      http.Header                   // of which the request becomes the owner; may be nil
	body        func() (io.ReadCloser, error) // opens it from the beginning; nil if there is none
	size        int64                         // of the body, in bytes
	statuses    []int                         // the expected ones
}

// successes are the statuses with which registries say that they did what changes something, right or
// wrong. What each of them is worth is for the caller to find out.
func successes() []int {
	return []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}
}

// url returns the URL of a path within the session's repository.
func (s *session) url(path string) string { return s.prefix + path }

// blobURL returns that of a blob.
func (s *session) blobURL(digest v1.Hash) string {
	return s.prefix + "blobs/" + digest.Algorithm + ":" + digest.Hex
}

// urlPrefix returns what all URLs of a repository begin with.
func urlPrefix(repo name.Repository, scheme string) string {
	return scheme + "://" + repo.RegistryStr() + "/v2/" + repo.RepositoryStr() + "/"
}

// do sends r and returns the response, whose body the caller must close, if its status is one of
// r.statuses. Otherwise the error is a *transport.Error.
func (s *session) do(ctx context.Context, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, nil)
	if err != nil {
		return nil, err
	}
	if r.header != nil {
		req.Header = r.header
	}
	if r.size > 0 {
		req.Body, req.GetBody, req.ContentLength = unopened{}, r.body, r.size
	}
	if s.below.repo.RegistryStr() == req.URL.Host {
		req.URL.Scheme = s.below.scheme() // what an error shows is what was asked
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, told(err)
	}
	if resp.StatusCode < http.StatusMultipleChoices && !slices.Contains(r.statuses, resp.StatusCode) {
		_ = resp.Body.Close() // package limit leaves it as long and as slow as it is
		resp.Body = http.NoBody
	}
	if err := transport.CheckError(resp, r.statuses...); err != nil {
		_ = resp.Body.Close() // the registry's own error is the one to tell
		if contentType(resp.Header) == "text/html" {
			err = errdef.WithNote(err, forPeople{})
		}
		return nil, s.noteElsewhere(req, err)
	}
	return resp, nil
}

// forPeople is noted on the error of a response with a page of HTML: a proxy in front of the
// registry sent it, or another server altogether.
type forPeople struct{}

// unopened is a placeholder for a body that package retry opens each time the request is sent.
type unopened struct{}

func (unopened) Read([]byte) (int, error) { return 0, errors.New("a body that was not opened") }
func (unopened) Close() error             { return nil }
