package leioci

import (
	"context"
	"errors"
	"net"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// errFirstTag is why the other tags are left alone when the first could not be put.
var errFirstTag = errors.New("not attempted, because the first tag failed")

// putTags puts the manifest under the first tag and then under the others. It returns an error or nil for each tag.
// One that fails does not stop the others: they are as right as if it had not been asked for.
func (s *session) putTags(ctx context.Context, p *pushing) []error {
	errs := make([]error, len(p.tags))
	put := func(i int) {
		if errs[i] = context.Cause(ctx); errs[i] != nil {
			return
		}
		tag := p.repo.Tag(p.tags[i])
		if err := s.putManifest(ctx, tag, p); err != nil {
			errs[i] = err
			return
		}
		s.log.WithField("digest", p.ref.DigestStr()).Infof("tagged %s", tag)
	}
	put(0)
	var g errgroup.Group
	g.SetLimit(s.concurrency)
	for i := 1; i < len(p.tags); i++ {
		if errs[0] != nil {
			errs[i] = errFirstTag
			continue
		}
		g.Go(func() error { put(i); return nil })
	}
	_ = g.Wait() // every error is in errs
	return errs
}

// putManifest puts the manifest under one tag.
func (s *session) putManifest(ctx context.Context, tag name.Tag, p *pushing) error {
	unknown := false // a try that was not answered may have succeeded
	err := s.try(ctx, func(ctx context.Context) error {
		// A new pusher each time: it hands the error of one context to the next caller.
		pusher, err := remote.NewPusher(s.remoteOptions()...)
		if err != nil {
			return err
		}
		err = pusher.Put(ctx, tag, rawManifest{p.raw, p.manifest.MediaType})
		unknown = unknown || unanswered(ctx, err)
		return err
	})
	if err == nil {
		return nil
	}
	err = s.fail("put manifest", tag, err)
	if unknown {
		return unknownError{err}
	}
	return err
}

// unknownError is the error of a request that the registry may have carried out.
type unknownError struct{ error }

func (u unknownError) Unwrap() error { return u.error }

// unanswered reports whether err is that of a request that the registry may have carried out without saying so: one that
// broke off, or ended with its context, after there was a connection.
func unanswered(ctx context.Context, err error) bool {
	var answer *transport.Error
	var network *net.OpError
	connected := !errors.As(err, &network) || network.Op != "dial"
	sent := ctx.Err() != nil || retry.IsPassing(err)
	return err != nil && connected && sent && !errors.As(err, &answer)
}

// pushResult turns the outcome for each tag into a *PushError, or nil if all went well.
func pushResult(p *pushing, errs []error) error {
	result := &PushError{Digest: p.ref}
	for i, tag := range p.tags {
		if errs[i] == nil {
			result.Pushed = append(result.Pushed, tag)
			continue
		}
		var unknown unknownError
		result.Failed = append(result.Failed, TagError{Tag: tag, Unknown: errors.As(errs[i], &unknown), Err: errs[i]})
	}
	if len(result.Failed) == 0 {
		return nil
	}
	return result
}

// rawManifest is a manifest as package remote wants it, with the media type that it would otherwise guess.
type rawManifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }
