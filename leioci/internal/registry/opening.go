package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// An Opening is a registry's answer to the question whether it has a blob: it has, or this is where
// to send it.
type Opening struct {
	to    *url.URL // the upload session; nil if there is nothing to send
	found bool     // the blob was there already
}

// askBeside is the size from which a blob is looked for while its upload is opened. A registry that
// does not mount opens an upload of a blob that it has. It costs less to send a smaller one again
// than to ask about each.
const askBeside = 8 << 20

// endWithin is how long ending an upload session may take.
const endWithin = 500 * time.Millisecond

// Open asks once, ahead of what decides whether it is needed, whether the repository has a blob, and
// opens an upload if it does not. An opening
// that is not passed to [Destination.Send] must be passed to [Destination.Abandon].
func (d *Destination) Open(ctx context.Context, digest v1.Hash, size int64) (opening *Opening, err error) {
	err = d.inSession(ahead(ctx), func(ctx context.Context, s *session) (err error) {
		opening, err = d.mountOrOpen(ctx, s, digest, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	return opening, nil
}

// Abandon ends the upload session of an opening, if there is one. Registries end those that nobody
// uses by themselves, after days, so it does not matter much if that fails: many want another right
// for it than for a push, and no other credentials are looked for.
func (d *Destination) Abandon(ctx context.Context, opening *Opening) {
	if opening == nil || opening.to == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	err := d.inSession(ctx, func(ctx context.Context, s *session) error { return s.endUpload(ctx, opening.to) })
	if err != nil {
		d.client.config.Log.Debugf("an upload session in %s is left to expire: %v", d.repo, Redact(err))
	}
}

// endUpload ends an upload session. A refusal says nothing about the rest of the push: it is not
// returned as one.
func (s *session) endUpload(ctx context.Context, to *url.URL) error {
	if !s.isUpload(to) {
		return errors.New("it is not in the place for uploads to the repository")
	}
	refusals := []int{http.StatusUnauthorized, http.StatusForbidden}
	resp, err := s.do(ctx, request{
		method: http.MethodDelete, url: sessionURL(to).String(),
		statuses: append(refusals, http.StatusOK, http.StatusAccepted, http.StatusNoContent),
	})
	if err != nil {
		return err
	}
	if slices.Contains(refusals, resp.StatusCode) {
		err = fmt.Errorf("the registry responded with %d", resp.StatusCode)
	}
	return errors.Join(err, resp.Body.Close())
}

// mountOrOpen mounts a blob from the repository into the repository itself (OCI distribution
// specification, "Mounting a blob from another repository"): one request tells whether the blob is
// there, and opens an upload otherwise. A registry that does not know this is asked twice.
func (d *Destination) mountOrOpen(ctx context.Context, s *session, digest v1.Hash, size int64) (*Opening, error) {
	there := s.lookBeside(ctx, digest, size)
	defer there.end()
	opening, err := d.openUpload(ctx, s, digest, size, mountQuery(digest, s.repo))
	switch {
	case isUnknownRequest(ctx, err):
		return d.findOrOpen(ctx, s, digest, size)
	case err != nil:
		return nil, fmt.Errorf("open an upload: %w", err)
	case opening.to != nil && there.found():
		d.Abandon(ctx, opening)
		return &Opening{found: true}, nil
	}
	return opening, nil
}

// mountQuery returns the query that asks for a blob to be mounted from a repository.
func mountQuery(digest v1.Hash, from name.Repository) string {
	return "?mount=" + url.QueryEscape(digestText(digest)) + "&from=" + url.QueryEscape(from.RepositoryStr())
}

// findOrOpen looks for a blob, and opens an upload if it is not there.
func (d *Destination) findOrOpen(ctx context.Context, s *session, digest v1.Hash, size int64) (*Opening, error) {
	there, err := s.hasBlob(ctx, digest, size)
	if err != nil {
		return nil, fmt.Errorf("check for it: %w", err)
	}
	if there {
		return &Opening{found: true}, nil
	}
	opening, err := d.openUpload(ctx, s, digest, size, "")
	if err != nil {
		return nil, fmt.Errorf("open an upload: %w", err)
	}
	opening.found = false // a moment ago it was not
	return opening, nil
}

// openUpload starts an upload session. If the registry responds that the blob is there (201), it
// must name it or have it. If it does neither, 201 may stand for 202.
func (d *Destination) openUpload(ctx context.Context, s *session, digest v1.Hash, size int64, query string) (*Opening, error) {
	resp, err := s.do(ctx, request{
		method: http.MethodPost, url: s.url("blobs/uploads/") + query,
		statuses: successes(),
	})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusCreated {
		if query != "" && namesBlob(resp.Header, digest) {
			return &Opening{found: true}, nil
		}
		if err := s.confirmBlob(ctx, digest, size, resp.StatusCode); err == nil {
			return &Opening{found: true}, nil
		} else if resp.Header.Get("Location") == "" {
			return nil, err
		}
	}
	to, err := d.uploadAt(resp)
	if err != nil {
		return nil, err
	}
	return &Opening{to: to}, nil
}

// namesBlob reports whether a response to a mount is about the blob.
func namesBlob(header http.Header, digest v1.Hash) bool {
	if contentType(header) == "text/html" || contradicts(header, digest) {
		return false
	}
	for _, said := range digestHeaders(header) {
		if said == digest {
			return true
		}
	}
	return strings.Contains(header.Get("Location"), "/blobs/"+digest.Algorithm) && strings.Contains(header.Get("Location"), digest.Hex)
}

// isUnknownRequest reports whether err may be the response of a registry that does not know how to
// mount, or forbids it. One that wants credentials or less traffic would say the same without.
func isUnknownRequest(ctx context.Context, err error) bool {
	var response *transport.Error
	if !errors.As(err, &response) || retry.IsRetryable(err) {
		return false
	}
	switch status := response.StatusCode; status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return false
	case http.StatusForbidden:
		return !isAhead(ctx) // it is seen where it matters
	default:
		return status >= http.StatusBadRequest && status < http.StatusInternalServerError || status == http.StatusNotImplemented
	}
}

// A besideLook is a look for a blob that takes place beside another request.
type besideLook struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	there  bool // after done
}

// lookBeside begins to look for a blob, if that is large enough. What it is told about Retry-After
// does not take the place of what the other request is told.
func (s *session) lookBeside(ctx context.Context, digest v1.Hash, size int64) *besideLook {
	if size < askBeside {
		return &besideLook{cancel: func() {}}
	}
	ctx, cancel := context.WithCancel(s.below.client.config.Retry.Run(nil).Context(ctx))
	l := &besideLook{cancel: cancel}
	l.done.Go(func() {
		there, err := s.hasBlob(ctx, digest, size)
		l.there = there && err == nil // if it is not known, the blob is sent
	})
	return l
}

// found waits for the outcome.
func (l *besideLook) found() bool {
	l.done.Wait()
	return l.there
}

// end ends the look, if it goes on.
func (l *besideLook) end() {
	l.cancel()
	l.done.Wait()
}
