package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Source reads a repository, from its mirrors or from the repository itself. It is immutable and
// safe for concurrent use.
type Source struct {
	client *Client
	repo   name.Repository   // what references name
	order  []name.Repository // the places to read it from, in order
	scope  string
}

// Source returns a source for repo that tries its mirrors first.
func (c *Client) Source(repo name.Repository) *Source {
	s := &Source{client: c, repo: repo, scope: transport.PullScope}
	for _, m := range c.config.Mirrors {
		if SameRepository(m.Of, repo) {
			s.order = append(s.order, m.At)
		}
	}
	s.order = append(s.order, repo)
	return s
}

// Repository returns the repository that references name.
func (s *Source) Repository() name.Repository { return s.repo }

// Places returns how many places there are to read from.
func (s *Source) Places() int { return len(s.order) }

// First returns the place that is tried first.
func (s *Source) First() name.Repository { return s.order[0] }

// HasMirrors reports whether there is more than one place to read from.
func (s *Source) HasMirrors() bool { return s.Places() > 1 }

// Prefer returns the source with one of its places moved to the front.
func (s *Source) Prefer(first name.Repository) *Source {
	return s.reordered(append([]name.Repository{first}, s.others(first)...))
}

// last returns the source with one of its places moved to the end.
func (s *Source) last(place name.Repository) *Source {
	if !s.HasMirrors() {
		return s
	}
	return s.reordered(append(s.others(place), place))
}

// Without returns the source without one of its places, or nil if no other is left.
func (s *Source) Without(bad name.Repository) *Source {
	if others := s.others(bad); len(others) > 0 {
		return s.reordered(others)
	}
	return nil
}

// Apart returns a source for each of its places alone, in order.
func (s *Source) Apart() []*Source {
	apart := make([]*Source, len(s.order))
	for i, place := range s.order {
		apart[i] = s.reordered([]name.Repository{place})
	}
	return apart
}

// Except returns the source without a mirror of it, however that is spelled. The repository itself
// stays.
func (s *Source) Except(mirror name.Repository) *Source {
	return s.reordered(slices.DeleteFunc(slices.Clone(s.order), func(place name.Repository) bool {
		return place != s.repo && SameRepository(place, mirror)
	}))
}

// PassOver is Without, and logs why the place is passed over.
func (s *Source) PassOver(bad name.Repository, why error) *Source {
	s.report(bad, why)
	return s.Without(bad)
}

func (s *Source) reordered(order []name.Repository) *Source {
	return &Source{client: s.client, repo: s.repo, order: order, scope: s.scope}
}

// others returns all places except one.
func (s *Source) others(but name.Repository) []name.Repository {
	return slices.DeleteFunc(slices.Clone(s.order), func(place name.Repository) bool { return place == but })
}

// ask runs an operation at each place in turn until one succeeds, and returns that place. It
// retries, but every place is tried before any is tried again.
func (s *Source) ask(ctx context.Context, do operation) (from name.Repository, err error) {
	err = s.client.retry(ctx, func(ctx context.Context) error {
		from, err = s.askOnce(ctx, do)
		return err
	})
	return from, err
}

// askOnce is a single attempt of ask. If every place fails, the next attempt waits until the first
// of those that may respond next time wants to be asked again.
func (s *Source) askOnce(ctx context.Context, do operation) (from name.Repository, err error) {
	failed := sourceErrors{repo: s.repo}
	var waits []time.Duration
	for _, from = range s.order {
		err := s.client.inSession(ctx, sessionKey{from, s.scope}, do)
		if isLimited(err) {
			s.client.ranges.rest(from)
		}
		if err == nil || len(s.order) == 1 || ctx.Err() != nil {
			return from, err
		}
		s.report(from, err)
		if asked := retry.SwapRetryAfter(ctx, 0); retry.IsRetryable(err) {
			waits = append(waits, asked)
		}
		failed.each = append(failed.each, sourceError{from, err})
	}
	if len(waits) > 0 {
		retry.SwapRetryAfter(ctx, slices.Min(waits))
	}
	return from, failed
}

// Lacks reports whether err, of a download, says that the content was not to be had, at any place.
// It does not if a place wants less traffic.
func Lacks(err error) bool {
	if _, limited := RateLimited(err); limited {
		return false
	}
	var response *transport.Error
	return errors.As(err, &response) || errors.Is(err, errdef.ErrVerification) || retry.IsRetryable(err)
}

// report logs why a place is passed over, as a warning if somebody should look into it.
func (s *Source) report(place name.Repository, err error) {
	why := s.client.config.Explain(Redact(err))
	to := naming(s.client.config.Log, errdef.Options(why)...)
	log := to.Infof
	stale, older := errors.Is(err, errdef.ErrStale), errors.Is(err, errdef.ErrOlder)
	if refused(err) || stale || older || errors.Is(err, errdef.ErrInsecure) || errors.Is(err, errdef.ErrVerification) {
		log = to.Warnf
	}
	log("skipping %s as a source of %s: %v", place, s.repo, why)
}

// sourceErrors says why every place failed.
type sourceErrors struct {
	repo name.Repository // the one asked for
	each []sourceError   // in the order in which they were tried
}

func (s sourceErrors) Error() string {
	texts := make([]string, len(s.each))
	for i, err := range s.each {
		texts[i] = printable(Redact(err).Error(), maxSourceText)
	}
	return "no source has it: " + strings.Join(texts, "; ")
}

// Unwrap puts the repository's own error first, so that errors.As finds that one: a mirror need not
// have everything.
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

// sourceError says why one place failed.
type sourceError struct {
	place name.Repository
	err   error
}

func (s sourceError) Error() string { return fmt.Sprintf("%s: %v", s.place, s.err) }
func (s sourceError) Unwrap() error { return s.err }

// in returns ref, moved to another repository.
func in(repo name.Repository, ref name.Reference) name.Reference {
	if digest, ok := ref.(name.Digest); ok {
		return repo.Digest(digest.DigestStr())
	}
	return repo.Tag(ref.Identifier())
}
