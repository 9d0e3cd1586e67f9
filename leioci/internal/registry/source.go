package leioci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Mirror is another place for what a repository holds.
type Mirror struct {
	// Of is the repository that references name.
	Of name.Repository
	// At is where it is asked for first.
	At name.Repository
}

// WithMirrors reads what a repository holds from its mirrors, in the order given, and last from the repository itself.
// Pushes and [Client.Tags] do not use them.
//
// A source that cannot be reached, does not answer, does not have what is wanted, or answers with an error, is passed
// over; one that refuses the credentials, serves content that does not have its digest, or a snapshot that is too old
// ([MaxAge], [ErrOlder]), with a warning. If all fail, the error lists every source with its reason. A reference is
// resolved at one source; everything after uses the digest, wherever it comes from. Each source has credentials of its own: those of one are never sent to another.
func WithMirrors(mirrors ...Mirror) Option {
	return func(o *options) error {
		for _, m := range mirrors {
			if m.Of.RepositoryStr() == "" || m.At.RepositoryStr() == "" {
				return errors.New("mirror: want the repository it is of and the one it is at")
			}
			if m.Of == m.At {
				return fmt.Errorf("mirror: %s is no mirror of itself", m.Of)
			}
			o.mirrors = append(o.mirrors, m)
		}
		return nil
	}
}

// An origin is a repository as it is read: at its mirrors, and at itself.
type origin struct {
	client  *Client
	repo    name.Repository
	sources []name.Repository // in the order in which they are asked
	session *session          // the one to ask in, if there is one already
}

// origin returns the session's repository to be read in the session, without mirrors.
func (s *session) origin() *origin {
	return &origin{client: s.Client, repo: s.repo, sources: []name.Repository{s.repo}, session: s}
}

func (c *Client) origin(repo name.Repository) *origin {
	o := &origin{client: c, repo: repo}
	for _, m := range c.mirrors {
		if m.Of.String() == repo.String() { // however it was made: a repository knows whether it is insecure
			o.sources = append(o.sources, m.At)
		}
	}
	o.sources = append(o.sources, repo)
	return o
}

// prefer returns the origin with one of its sources in front.
func (o *origin) prefer(first name.Repository) *origin {
	return o.with(append([]name.Repository{first}, o.others(first)...))
}

// last returns the origin with one of its sources at the end.
func (o *origin) last(source name.Repository) *origin {
	return o.with(append(o.others(source), source))
}

// without returns the origin without one of its sources, or nil if there is no other.
func (o *origin) without(bad name.Repository) *origin {
	if others := o.others(bad); len(others) > 0 {
		return o.with(others)
	}
	return nil
}

func (o *origin) with(sources []name.Repository) *origin {
	return &origin{client: o.client, repo: o.repo, sources: sources, session: o.session}
}

// others are the sources but one.
func (o *origin) others(source name.Repository) []name.Repository {
	return slices.DeleteFunc(slices.Clone(o.sources), func(s name.Repository) bool { return s == source })
}

// ask carries out an operation at the first source where it succeeds, by the client's policy for failures that pass: all
// sources are asked before any is asked again. It returns that source.
func (o *origin) ask(ctx context.Context, operation func(context.Context, *session) error) (from name.Repository, err error) {
	err = o.client.try(ctx, func(ctx context.Context) error {
		failed := sourceErrors{repo: o.repo}
		for _, from = range o.sources {
			err := o.askOne(ctx, from, operation)
			if err == nil || len(o.sources) == 1 || ctx.Err() != nil {
				return err
			}
			o.report(from, err)
			retry.Elsewhere(ctx)
			failed.each = append(failed.each, sourceError{from, err})
		}
		return failed
	})
	return from, err
}

func (o *origin) askOne(ctx context.Context, source name.Repository, operation func(context.Context, *session) error) error {
	if o.session != nil {
		return operation(ctx, o.session)
	}
	return o.client.inSession(ctx, source, transport.PullScope, operation)
}

// report logs why a source is passed over: aloud, where somebody should look into it.
func (o *origin) report(source name.Repository, err error) {
	err = explain(redact(err))
	if errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrDenied) || errors.Is(err, ErrInsecure) || errors.Is(err, ErrVerification) ||
		errors.Is(err, ErrStale) || errors.Is(err, ErrOlder) {
		o.client.log.Warnf("%s as a source of %s is passed over: %v", source, o.repo, err)
		return
	}
	o.client.log.Infof("%s as a source of %s is passed over: %v", source, o.repo, err)
}

// sourceErrors is why no source would do.
type sourceErrors struct {
	repo name.Repository // that was asked for
	each []sourceError   // in the order in which they were asked
}

func (s sourceErrors) Error() string {
	texts := make([]string, len(s.each))
	for i, err := range s.each {
		texts[i] = err.Error()
	}
	return "no source has it: " + strings.Join(texts, "; ")
}

// Unwrap puts the repository's own reason first, as that which errors.As finds: a mirror need not have everything.
func (s sourceErrors) Unwrap() []error {
	var errs []error
	for _, err := range s.each {
		at := len(errs)
		if err.source == s.repo {
			at = 0
		}
		errs = slices.Insert(errs, at, error(err))
	}
	return errs
}

// sourceError is why one source would not do.
type sourceError struct {
	source name.Repository
	err    error
}

func (s sourceError) Error() string { return fmt.Sprintf("%s: %v", s.source, s.err) }
func (s sourceError) Unwrap() error { return s.err }

// at returns ref in another repository.
func at(ref name.Reference, repo name.Repository) name.Reference {
	if digest, ok := ref.(name.Digest); ok {
		return repo.Digest(digest.DigestStr())
	}
	return repo.Tag(ref.Identifier())
}
