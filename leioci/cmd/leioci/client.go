package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// tokenVariable is the environment variable that holds the token, as in the original client.
const tokenVariable = "LEI_REGISTRY_TOKEN"

// newClient returns a client for the repositories on a command line. The token from the environment
// belongs to the one registry they name. With two registries, nobody can tell whose it is, and it
// must not be sent to the wrong one.
func newClient(
	env environment, network *networkFlags, repos []name.Repository, opts ...leioci.Option,
) (*leioci.Client, error) {
	networkOpts, err := network.options(env, repos)
	if err != nil {
		return nil, err
	}
	opts = append(opts, networkOpts...)
	token := env.getenv(tokenVariable)
	if token == "" || len(repos) == 0 {
		return newOrUsage(opts)
	}
	var registries []string
	for _, r := range repos {
		registries = appendUnique(registries, r.RegistryStr())
	}
	if len(registries) > 1 {
		return nil, usageError{fmt.Errorf("%s is set, but the references name %d registries %q, and it is the token of one; "+
			"unset it, and log in to each of them, for example with docker login", tokenVariable, len(registries), registries)}
	}
	withToken := leioci.WithToken(registries[0], token)
	if err := checkOption(tokenVariable, withToken); err != nil {
		return nil, err
	}
	return newOrUsage(append(opts, withToken))
}

// newOrUsage returns a client. Any invalid option came from a flag, so the error is a usageError.
func newOrUsage(opts []leioci.Option) (*leioci.Client, error) {
	client, err := leioci.New(opts...)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// checkOption returns a usageError if an option is invalid, which names the flag or variable that
// it came from.
func checkOption(from string, option leioci.Option) error {
	_, err := leioci.New(option)
	if err == nil {
		return nil
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause // without the name of the function
	}
	return usageError{fmt.Errorf("%s: %w", from, err)}
}

// appendUnique appends s to list unless list contains it.
func appendUnique(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
