package main

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// openRepository opens a location to read. The caller must close it.
func openRepository(ctx context.Context, env environment, network *networkFlags, at leioci.Location) (*leioci.Repository, error) {
	var repos []name.Repository // for the token; none is for a directory or a file
	if repo, ok := at.Repository(); ok {
		repos = append(repos, repo)
	}
	client, err := newClient(env, network, repos)
	if err != nil {
		return nil, err
	}
	return client.Open(ctx, at)
}

// parsePlace parses a location that names no artifact.
func parsePlace(text string) (leioci.Location, error) {
	at, err := leioci.ParseLocation(text)
	if err != nil {
		return at, usageError{err}
	}
	if id := at.Identifier(); id != "" {
		return at, usageError{fmt.Errorf("%s: has a tag or a digest (%s); want only the repository", at, id)}
	}
	return at, nil
}
