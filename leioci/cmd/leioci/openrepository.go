package main

import (
	"context"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci"
)

// openRepository opens a location to read. The caller must close it.
func openRepository(ctx context.Context, env environment, network *networkFlags, at leioci.Location) (*leioci.Repository, error) {
	client, err := newReader(env, network, at, nil)
	if err != nil {
		return nil, err
	}
	return client.Open(ctx, at)
}

// parsePlace parses a location that names no artifact.
func parsePlace(text string) (leioci.Location, error) {
	at, err := parseLocation(text)
	if err != nil {
		return at, err
	}
	if id := at.Identifier(); id != "" {
		return at, usageError{fmt.Errorf("%s: has a tag or a digest (%s); want only the repository", at, id)}
	}
	return at, nil
}
