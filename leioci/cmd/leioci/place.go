package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci"
)

// refHelp explains REF in a command's help.
const refHelp = `REF is registry/repository, oci-layout:DIR or oci-archive:FILE, with a tag or a digest. The default tag is
latest or, in a layout or an archive without that tag, the only artifact.`

// parseLocation parses REF.
func parseLocation(text string) (leioci.Location, error) {
	at, err := leioci.ParseLocation(text)
	if err != nil {
		return at, usageError{err}
	}
	return at, nil
}

// registriesIn returns the repositories among locations.
func registriesIn(all ...leioci.Location) []name.Repository {
	var repos []name.Repository
	for _, at := range all {
		if repo, ok := at.Repository(); ok {
			repos = append(repos, repo)
		}
	}
	return repos
}

// newReader returns a client that reads a location, and possibly its mirrors.
func newReader(env environment, network *networkFlags, at leioci.Location, mirrors []string, others ...leioci.Location) (*leioci.Client, error) {
	repo, ok := at.Repository()
	if !ok && len(mirrors) > 0 {
		return nil, usageError{fmt.Errorf("--mirror is for a registry, and %s is none", at)}
	}
	sources, err := parseMirrors(mirrors, repo)
	if err != nil {
		return nil, usageError{err}
	}
	return newClient(env, network, registriesIn(append(others, at)...), leioci.WithMirrors(sources...))
}

// refuseForeignPlace returns a usage error for the name that another program has for a place, such as
// oci:DIR, unless it is that of a directory.
func refuseForeignPlace(text string) error {
	scheme, _, ok := strings.Cut(text, ":")
	if !ok || len(scheme) == 1 { // a drive of Windows
		return nil
	}
	if _, err := os.Lstat(text); !errors.Is(err, fs.ErrNotExist) {
		return nil //nolint:nilerr // it is there, or that is told when it is opened
	}
	_, err := parseLocation(text)
	return err
}
