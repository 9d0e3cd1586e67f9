package leioci

import (
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// A Keychain finds the credentials for a registry or repository. Those of this package obey the context, also while
// a credential helper runs, and are safe for concurrent use.
type Keychain interface {
	authn.Keychain
	authn.ContextKeychain
}

// DefaultKeychain returns a keychain that looks where docker and podman keep credentials, in this order:
//
//  1. the file that REGISTRY_AUTH_FILE names
//  2. DOCKER_AUTH_CONFIG, whose value is a configuration, not a path
//  3. config.json in the directory that DOCKER_CONFIG names
//  4. ~/.docker/config.json
//  5. $XDG_RUNTIME_DIR/containers/auth.json, podman's file for this session
//  6. $XDG_CONFIG_HOME/containers/auth.json, or ~/.config/containers/auth.json where that variable is not set
//
// The first place that has credentials for the target is used; one that has none, or is not there, is passed over.
// Where no place has any, access is anonymous ([authn.Anonymous]), and no home directory is needed. "leioci auth explain REF" prints
// what each place has for a reference. Environment and files are read at each look-up, so that a login is seen at once.
//
// # Within a place
//
// All places have docker's format, and are asked in docker's order: the helper that credHelpers names for the target, the
// helper that credsStore names, and then the entries of auths. A helper without credentials for the target is passed over, and
// so is an empty entry. As with docker, an empty name in credHelpers turns the credsStore off for its registry.
//
// In credHelpers and auths, the entry with the longest path that holds for the target is used: for ghcr.io/org/repo this is
// ghcr.io/org/repo, then ghcr.io/org, then ghcr.io. A path holds for whole segments. The registry's name may be in any
// case. An entry may be written as a URL, and end with /v1/ or /v2/, as in older configurations. docker.io, index.docker.io,
// registry-1.docker.io and https://index.docker.io/v1/ are the same registry. If the same entry is there in two spellings,
// docker's own is used, or else the first in the alphabet.
//
// # Credential helpers
//
// A helper is the program docker-credential-NAME on the PATH, which is run with the argument get and asked for the
// registry by docker's name for it, or for the entry of credHelpers if that has a path. With the user name <token>, its
// secret is an identity token.
//
// It is run under the caller's context and for at most 30 seconds. Then it is killed, on Unix with all of its process group.
// For each helper and registry one run serves all who ask meanwhile, and goes on until the last of them has given
// up; runs for different registries do not wait for each other. The answer, also that there are no credentials, is kept
// in memory for five minutes. A failure is not kept.
//
// # Errors
//
// A place that is there and cannot be read or understood is an error that names it. So is a helper that is missing, fails, does
// not answer in time or answers something else than the [protocol]; the error names the program, the file that asks for it and what it wrote to
// its standard error. No later place is tried then: that could be another account. No error shows a secret, or anything else that
// is in a configuration or was printed as an answer.
//
// [protocol]: https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
func DefaultKeychain() Keychain { return credential.Default(credential.Options{}) }

// DockerConfigKeychain returns a keychain that looks into one configuration only: the file at path, or config.json in the
// directory at path, which need not be there. Otherwise it works as [DefaultKeychain]. A path that does not exist is
// an error at each look-up; podman's auth.json is as good a file as docker's config.json.
func DockerConfigKeychain(path string) Keychain {
	return credential.Config(path, credential.Options{})
}
