package leioci

import (
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// A Keychain finds the credentials for a registry or repository. This package's keychains respect
// the context, even while a credential helper runs, and are safe for concurrent use.
type Keychain interface {
	authn.Keychain
	authn.ContextKeychain
}

// DefaultKeychain returns a keychain that looks where docker and podman keep credentials, in this
// order:
//
//  1. the file that REGISTRY_AUTH_FILE names
//  2. DOCKER_AUTH_CONFIG, whose value is a configuration, not a path
//  3. config.json in the directory that DOCKER_CONFIG names
//  4. ~/.docker/config.json
//  5. $XDG_RUNTIME_DIR/containers/auth.json, podman's file for the current session
//  6. $XDG_CONFIG_HOME/containers/auth.json, or ~/.config/containers/auth.json if that variable is
//     not set
//
// The first place that has credentials for the target is used. Places that have none or do not
// exist are skipped. If no place has any, access is anonymous ([authn.Anonymous]). No home
// directory is needed. The environment and the files are read at each lookup, so a login takes
// effect at once. "leioci auth explain REF" prints what each place has for a reference.
//
// # Within a place
//
// All places use docker's format and are searched in docker's order: first the helper that
// credHelpers names for the target, then the helper that credsStore names, then the entries of
// auths. A helper without credentials for the target is skipped, and so is an empty entry. As with
// docker, an empty name in credHelpers disables the credsStore for its registry.
//
// In credHelpers and auths, the entry with the longest matching path wins: for ghcr.io/org/repo,
// these are ghcr.io/org/repo, then ghcr.io/org, then ghcr.io. Paths match by whole segments. The
// registry's name is not case-sensitive. As in older configurations, an entry may be written as a
// URL and may end with /v1/ or /v2/. docker.io, index.docker.io, registry-1.docker.io and
// https://index.docker.io/v1/ are the same registry. If an entry is present in several spellings,
// docker's own is used, or else the first in alphabetical order.
//
// # Credential helpers
//
// A helper is the program docker-credential-NAME on the PATH, run with the argument get. It is
// asked for docker's name of the registry or, if the entry of credHelpers has a path, for that
// entry. If it returns the user name <token>, its secret is an identity token.
//
// A helper runs under the caller's context and for at most 30 seconds. Then it is killed, on Unix
// together with its process group. Concurrent lookups for the same helper and registry share one
// run, which continues until the last of them gives up. Runs for different registries do not wait
// for each other. The result, even if it is that there are no credentials, is cached in memory for
// five minutes. Failures are not cached.
//
// # Errors
//
// A place that exists but cannot be read or parsed is an error that names the place. A helper that
// is missing, fails, times out or violates the [protocol] is an error that names the program, the
// file that configures it and what it wrote to standard error. The search then stops, because a
// later place might have a different account. No error contains a secret, or anything else from a
// configuration or from a helper's standard output.
//
// [protocol]: https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
func DefaultKeychain() Keychain { return credential.Default(credential.Options{}) }

// DockerConfigKeychain returns a keychain that reads a single configuration: the file at path, or
// the config.json in the directory at path, which may be missing. Otherwise it works like
// [DefaultKeychain]. If path itself does not exist, each lookup fails. The file may be docker's
// config.json or podman's auth.json.
func DockerConfigKeychain(path string) Keychain {
	return credential.Config(path, credential.Options{})
}
