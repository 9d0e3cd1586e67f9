package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Source reads a repository: at its mirrors, and at the repository itself. It is a value that does
// not change, and safe for concurrent use.
type Source struct {
	client *Client
	repo   name.Repository   // what references name
	order  []name.Repository // where it is read, in this order
	scope  string
}

// Source returns repo with its mirrors in front.
func (c *Client) Source(repo name.Repository) *Source {
	s := &Source{client: c, repo: repo, scope: transport.PullScope}
	for _, m := range c.config.Mirrors {
		if m.Of.String() == repo.String() { // however it was made: a repository knows whether it is insecure
			s.order = append(s.order, m.At)
		}
	}
	s.order = append(s.order, repo)
	return s
}

// Repository returns the repository that references name.
func (s *Source) Repository() name.Repository { return s.repo }

// HasMirrors reports whether there is more than one place to ask.
func (s *Source) HasMirrors() bool { return len(s.order) > 1 }

// Prefer returns the source with one of its places in front.
func (s *Source) Prefer(first name.Repository) *Source {
	return s.reordered(append([]name.Repository{first}, s.others(first)...))
}

// last returns the source with one of its places at the end.
func (s *Source) last(place name.Repository) *Source {
	return s.reordered(append(s.others(place), place))
}

// without returns the source without one of its places, or nil if there is no other.
func (s *Source) without(bad name.Repository) *Source {
	if others := s.others(bad); len(others) > 0 {
		return s.reordered(others)
	}
	return nil
}

func (s *Source) reordered(order []name.Repository) *Source {
	return &Source{client: s.client, repo: s.repo, order: order, scope: s.scope}
}

// others are the places but one.
func (s *Source) others(but name.Repository) []name.Repository {
	return slices.DeleteFunc(slices.Clone(s.order), func(place name.Repository) bool { return place == but })
}

// ask carries out an operation at the first place where it succeeds, and returns that place. It
// retries: all places are asked before any is asked again.
func (s *Source) ask(ctx context.Context, do operation) (from name.Repository, err error) {
	err = s.client.retry(ctx, func(ctx context.Context) error {
		from, err = s.askOnce(ctx, do)
		return err
	})
	return from, err
}

// askOnce is one try of ask.
func (s *Source) askOnce(ctx context.Context, do operation) (from name.Repository, err error) {
	failed := sourceErrors{repo: s.repo}
	for _, from = range s.order {
		err := s.client.inSession(ctx, sessionKey{from, s.scope}, do)
		if err == nil || len(s.order) == 1 || ctx.Err() != nil {
			return from, err
		}
		s.report(from, err)
		retry.ForgetRetryAfter(ctx)
		failed.each = append(failed.each, sourceError{from, err})
	}
	return from, failed
}

// report logs why a place is passed over: as a warning where somebody should look into it.
func (s *Source) report(place name.Repository, err error) {
	log := s.client.config.Log.Infof
	stale, older := errors.Is(err, errdef.ErrStale), errors.Is(err, errdef.ErrOlder)
	if refused(err) || stale || older || errors.Is(err, errdef.ErrInsecure) || errors.Is(err, errdef.ErrVerification) {
		log = s.client.config.Log.Warnf
	}
	log("%s as a source of %s is passed over: %v", place, s.repo, s.client.config.Explain(Redact(err)))
}

// sourceErrors is why no place would do.
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

// Unwrap puts the repository's own reason first, so that errors.As finds it: a mirror need not have
// everything.
func (s sourceErrors) Unwrap() []error {
	var errs []error
	for _, err := range s.each {
		i := len(errs)
		if err.place == s.repo {
			i = 0
		}
		errs = slices.Insert(errs, i, error(err))
	}
	return errs
}

// sourceError is why one place would not do.
type sourceError struct {
	place name.Repository
	err   error
}

func (s sourceError) Error() string { return fmt.Sprintf("%s: %v", s.place, s.err) }
func (s sourceError) Unwrap() error { return s.err }

// in returns ref in another repository.
func in(repo name.Repository, ref name.Reference) name.Reference {
	if digest, ok := ref.(name.Digest); ok {
		return repo.Digest(digest.DigestStr())
	}
	return repo.Tag(ref.Identifier())
}
