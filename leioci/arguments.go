package leioci

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

var (
	errNilContext = errors.New("context: nil")
	errNilImage   = errors.New("image: nil")
)

// check returns an error if c was not made by [New].
func (c *Client) check() error {
	if c == nil || c.registry == nil {
		return errors.New("the client was not made with New")
	}
	return nil
}

// checkCall returns an error, which names the operation, if a method of a client cannot run because
// of what it was called with.
func (c *Client) checkCall(ctx context.Context, op string) error {
	err := c.check()
	if err == nil && registry.IsNil(ctx) {
		err = errNilContext
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// checkReference does the same for a method that takes a reference.
func (c *Client) checkReference(ctx context.Context, op string, ref name.Reference) error {
	if err := c.checkCall(ctx, op); err != nil {
		return err
	}
	if registry.IsNil(ref) {
		return fmt.Errorf("%s: %w: nil", op, ErrInvalidReference)
	}
	if ref.Identifier() == "" {
		return fmt.Errorf("%s: %w: no tag or digest; %s", op, ErrInvalidReference, referenceUsage)
	}
	switch ref.(type) {
	case name.Tag, *name.Tag: // [name.Repository.Tag] takes anything, and "../" would lead elsewhere
		if err := checkTag(ref.Identifier()); err != nil {
			return fmt.Errorf("%s: %w: %w", op, ErrInvalidReference, err)
		}
	}
	return checkRepository(op, ref.Context())
}

// checkDestination does the same for a method that takes a repository.
func (c *Client) checkDestination(ctx context.Context, op string, repo name.Repository) error {
	if err := c.checkCall(ctx, op); err != nil {
		return err
	}
	return checkRepository(op, repo)
}

func checkRepository(op string, repo name.Repository) error {
	if repo.RegistryStr() == "" || repo.RepositoryStr() == "" {
		return fmt.Errorf("%s: %w: no registry or no repository; use ParseReference or ParseRepository", op, ErrInvalidReference)
	}
	if err := checkPath(repo.RepositoryStr()); err != nil { // nor does [name.Registry.Repo] look
		return fmt.Errorf("%s: %w: %w", op, ErrInvalidReference, err)
	}
	return nil
}
