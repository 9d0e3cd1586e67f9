package main

import (
	"errors"
	"fmt"
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
	if err == nil {
		return at, nil
	}
	if there := describeThere(text); there != "" {
		err = errors.New(there)
	} else if scheme, rest, ok := strings.Cut(text, ":"); ok && nearScheme(scheme) != "" {
		err = fmt.Errorf("invalid reference %.140q; did you mean %.140q?", text, nearScheme(scheme)+":"+rest)
	}
	return at, usageError{err}
}

// nearScheme returns the scheme of a layout or an archive that somebody meant who wrote another one.
func nearScheme(written string) string {
	near := nearest(written, []string{"oci-layout", "oci-archive"})
	if strings.EqualFold(near, written) || len(written) <= len("oci") {
		return ""
	}
	return near
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
