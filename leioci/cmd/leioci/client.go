package main

import (
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// tokenVariable is the environment variable that the original client reads its token from.
const tokenVariable = "LEI_REGISTRY_TOKEN"

// newClient returns a client for the repositories of a command line. The token of the environment belongs to the one
// registry that they name: with two, nobody can tell whose it is, and it must not be shown to the wrong one.
func newClient(env environment, network *networkFlags, repos []name.Repository, opts ...leioci.Option) (*leioci.Client, error) {
	networkOpts, err := network.options(env, repos)
	if err != nil {
		return nil, err
	}
	opts = append(opts, networkOpts...)
	token := env.getenv(tokenVariable)
	if token == "" {
		return newOrUsage(opts)
	}
	var registries []string
	for _, r := range repos {
		registries = appendNew(registries, r.RegistryStr())
	}
	if len(registries) > 1 {
		return nil, usageError{fmt.Errorf("%s is set, and the references name %d registries %q; push to one at a time",
			tokenVariable, len(registries), registries)}
	}
	bound := leioci.WithToken(registries[0], token)
	if _, err := leioci.New(bound); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", tokenVariable, err)}
	}
	return newOrUsage(append(opts, bound))
}

// newOrUsage makes a client; an option that is wrong came from a flag.
func newOrUsage(opts []leioci.Option) (*leioci.Client, error) {
	client, err := leioci.New(opts...)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// appendNew appends s to list unless it is there.
func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
