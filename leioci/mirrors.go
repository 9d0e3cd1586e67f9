package leioci

import (
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A Mirror is another repository with the same content.
type Mirror struct {
	// Of is the original repository, the one that references name.
	Of name.Repository
	// At is the mirror, which is tried first.
	At name.Repository
}

// WithMirrors pulls from the mirrors of a repository first, in the order given, and from the
// repository itself last. Pushes and [Client.Tags] do not use mirrors.
//
// A source is skipped if it cannot be reached, does not respond, does not have the content, or
// responds with an error. It is skipped with a warning if it rejects the credentials, serves
// content that does not match its digest, or has a snapshot that is too old ([MaxAge], [ErrOlder]).
// If all sources fail, the error gives the reason for each.
//
// A reference is resolved at one source. Everything after that uses the digest, from whichever
// source has it. If none has all of it, a tag is resolved at the next source. Each source has its
// own credentials, which are never sent to another.
func WithMirrors(mirrors ...Mirror) Option {
	return option(func(o *options) error {
		for _, m := range mirrors {
			if m.Of.RepositoryStr() == "" || m.At.RepositoryStr() == "" {
				return errors.New("mirror: both Of and At must be set")
			}
			if registry.SameRepository(m.Of, m.At) {
				return fmt.Errorf("mirror: %s cannot mirror itself", m.Of)
			}
			o.registry.Mirrors = append(o.registry.Mirrors, registry.Mirror(m))
		}
		return nil
	})
}
