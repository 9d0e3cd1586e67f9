package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// Unanswered is noted on the error of a request that the registry may have carried out without
// saying so (errdef.NoteOf).
type Unanswered struct{}

// A Put is a manifest to be put under tags.
type Put struct {
	Raw       []byte
	MediaType types.MediaType
	Digest    v1.Hash // of Raw
	// HasSubject: the manifest refers to another one.
	HasSubject bool
	// Restore uploads the manifest's blobs again that the repository lacks, and reports whether
	// there were any.
	Restore func(context.Context) (restored bool, err error)
}

// PutManifest puts a manifest under a tag, or under its digest in place of one.
//
// A blob that was there when it was looked for may be gone when the manifest arrives, by a garbage
// collection, or because another push of the same blob is half done (distribution 2.8). The blobs
// are then restored, and the manifest is put again, as often as the retry policy allows.
//
// Where a put fails although the tag holds the manifest, it succeeded: by an earlier try whose
// response was lost, or by an earlier push, after which the registry does not let the tag be
// overwritten. If the tag holds something else that the registry does not let be overwritten, as
// far as can be told, the error is errdef.ErrTagExists, too. If it is unknown whether the tag was
// moved, [Unanswered] is noted on the error.
func (d *Destination) PutManifest(ctx context.Context, tag string, p Put) error {
	run := d.client.config.Retry.Run(d.client.logRetry)
	unanswered := false // in any try: it may have succeeded
	failing := false    // likewise, but what the tag holds can tell
	for {
		err := d.inSession(run.Context(ctx), func(ctx context.Context, s *session) error {
			listed, err := s.putManifest(ctx, tag, p)
			if err == nil && p.HasSubject && !listed {
				d.putReferrer(ctx, s, tag, p)
			}
			return err
		})
		if err == nil {
			return nil
		}
		unanswered = unanswered || isUnanswered(ctx, err)
		failing = failing || isFailing(err)
		lost := lacksBlob(err)
		if lost || ctx.Err() == nil && mayLackBlob(err) && p.restored(ctx) {
			err = retry.Retryable(err)
		}
		err = run.Wait(ctx, err)
		if err == nil && lost {
			_, err = p.Restore(ctx)
		}
		if err != nil {
			return d.settle(ctx, tag, p, err, unanswered, failing)
		}
	}
}

// restored reports whether a blob was missing and has been restored.
func (p Put) restored(ctx context.Context) bool {
	restored, err := p.Restore(ctx)
	return restored && err == nil // if not, the put's own error is the one to tell
}

// settle looks what a tag holds after its put failed with err, and returns the error to tell. A put
// that made the registry fail was not carried out if the registry then says what else the tag
// holds, or that there is none. One that was not answered may still be.
func (d *Destination) settle(ctx context.Context, tag string, p Put, err error, unanswered, failing bool) error {
	_, limited := RateLimited(err)
	response, responded := responseToPut(err)
	responded = responded && response.StatusCode != http.StatusUnauthorized // wrong credentials are to be told
	if ctx.Err() == nil && !limited && (responded || unanswered) && !errors.Is(err, errdef.ErrVerification) {
		held, lookErr := d.heldBy(ctx, tag, p.Digest)
		_, absent := errdef.NoteOf[Absent](lookErr)
		failing = failing && lookErr != nil && !absent
		switch {
		case lookErr == nil && held == p.Digest:
			d.client.config.Log.Infof("%s holds %s, although its put failed: %v", identified(d.repo, tag), held, Redact(err))
			return nil
		case lookErr == nil && responded && mayBeImmutable(response.StatusCode):
			err = fmt.Errorf("%w: %w (the tag holds other content, %s; the registry may not let tags be overwritten)",
				errdef.ErrTagExists, err, held)
		}
	}
	if unanswered || failing {
		return errdef.WithNote(err, Unanswered{})
	}
	return err
}

// heldBy returns the digest of what a tag holds, computed from its content, to be compared with
// want.
func (d *Destination) heldBy(ctx context.Context, tag string, want v1.Hash) (held v1.Hash, err error) {
	err = d.inSession(ctx, func(ctx context.Context, s *session) (err error) {
		held, err = s.heldBy(ctx, tag, want)
		return err
	})
	return held, err
}

func (s *session) heldBy(ctx context.Context, tag string, want v1.Hash) (v1.Hash, error) {
	raw, header, err := s.getManifest(ctx, identified(s.repo, tag))
	if err != nil {
		return v1.Hash{}, err
	}
	held, err := digestOf(want.Algorithm, raw)
	if err == nil && held != want && contentType(header) == "text/html" {
		err = errors.New("a page of HTML in place of what the tag holds")
	}
	return held, err
}

// putManifest is one try. A registry must respond with 201; after another success, the tag is
// looked at. listed says whether the registry itself lists the manifest as a referrer of its
// subject.
func (s *session) putManifest(ctx context.Context, tag string, p Put) (listed bool, err error) {
	resp, err := s.do(ctx, request{
		method: http.MethodPut, url: s.url("manifests/" + tag),
		header:   http.Header{"Content-Type": {string(p.MediaType)}},
		body:     func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.Raw)), nil },
		size:     int64(len(p.Raw)),
		statuses: successes(),
	})
	if err != nil {
		return false, err
	}
	_ = resp.Body.Close() // nothing in it is needed
	if err := checkDigestHeader(resp.Header, p.Raw); err != nil {
		return false, errdef.WithNote(fmt.Errorf("the registry stored something else: %w", err), doubtful{})
	}
	if resp.StatusCode != http.StatusCreated { // whatever digest its header names
		if err := s.confirm(ctx, tag, p, resp.StatusCode); err != nil {
			return false, errdef.WithNote(err, doubtful{})
		}
	}
	return resp.Header.Get("OCI-Subject") != "", nil
}

// confirm makes sure that a put which was answered with an unusual success has succeeded.
func (s *session) confirm(ctx context.Context, tag string, p Put, status int) error {
	held, err := s.heldBy(ctx, tag, p.Digest)
	switch {
	case err == nil && held == p.Digest:
		return nil
	case err == nil:
		err = fmt.Errorf("the tag holds %s", held)
	}
	return seemsDone(status, fmt.Errorf("the registry responded with %d where 201 is right, and the manifest is not seen to be there: %w",
		status, err))
}

// putReferrer lets package remote put the manifest once more: it maintains the list of referrers,
// where a registry does not do that itself (OCI distribution specification, "Pushing Manifests with
// Subject"). The tag is put already, so a failure is not that of the push.
func (d *Destination) putReferrer(ctx context.Context, s *session, tag string, p Put) {
	pusher, err := remote.NewPusher(s.remoteOptions()...)
	if err == nil {
		err = pusher.Put(ctx, identified(d.repo, tag), rawManifest{p.Raw, p.MediaType})
	}
	if err != nil {
		d.client.config.Log.Warnf("%s is put, but not listed as a referrer of its subject: %v", identified(d.repo, tag), Redact(hide(d.client.sent, err)))
	}
}

// rawManifest is a manifest as package remote takes it, with the media type that it would otherwise
// guess.
type rawManifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }
