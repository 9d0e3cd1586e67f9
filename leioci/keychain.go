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
//  5. $XDG_RUNTIME_DIR/containers/auth.json, podman's file for the current session; on Linux, if
//     that variable is not set, /run/containers/UID/auth.json, to which "sudo podman login" writes
//  6. $XDG_CONFIG_HOME/containers/auth.json, or ~/.config/containers/auth.json if that variable is
//     not set
//
// The first place that has credentials for the target is used. Places that have none or do not
// exist are skipped. If no place has any, access is anonymous ([authn.Anonymous]). No home
// directory is needed. The environment and the files are read at each lookup, so a login takes
// effect at once. "leioci auth explain REF" prints what each place has for a reference.
//
// A service may run with the home or the runtime directory of another user. So a file in places 4
// to 6, which nobody has named, is skipped like a missing one if it cannot be reached, for example
// for lack of permission; "leioci auth explain" shows it.
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
// An entry that is malformed is an error for the targets that it would be used for, and for no
// others. The base64 of "auth" may be of either alphabet (RFC 4648), without padding, and broken
// into lines; a byte order mark before the configuration is ignored.
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
// A place that exists but cannot be read or parsed is a [*ConfigError]. A helper that is missing,
// fails, times out or violates the [protocol] is a [*HelperError]. The search then stops, because a
// later place might have a different account. If the context ends, the error wraps its cause. No
// error contains the value of an entry or a helper's standard output; what looks like a secret in a
// helper's standard error is replaced.
//
// # Beyond Keychain
//
// The keychains of this package implement [Forgetter], and what they return, unless it is
// [authn.Anonymous], is a [SourcedAuthenticator].
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

// ConfigError is an error of [DefaultKeychain] and [DockerConfigKeychain]: a configuration cannot
// be read, or its entry for the target is malformed. Its text shows no values. The fields are
//
//	Config string // the file's path, or DOCKER_AUTH_CONFIG
//	Err    error  // the cause, for example fs.ErrPermission; never nil
//
// A push fails with it. A pull logs it as a warning and goes on without credentials.
type ConfigError = credential.ConfigError

// HelperError is an error of [DefaultKeychain] and [DockerConfigKeychain]: a credential helper is
// missing, fails, hangs or violates the protocol, or the context ended while it ran. The fields are
//
//	Helper   string // the program, for example docker-credential-pass
//	Config   string // the configuration that names it: a path, or DOCKER_AUTH_CONFIG
//	Registry string // the server that it was asked for
//	Said     string // what it wrote to its standard error: one line of about 1 KiB at most
//	Err      error  // the cause, for example exec.ErrNotFound or *exec.ExitError; never nil
//
// Said has no control characters, and asterisks for what looks like a secret. A push fails with a
// HelperError. A pull logs it as a warning and goes on without credentials.
type HelperError = credential.HelperError

// Forgetter is what a keychain may implement to be told of credentials that a registry refused:
//
//	Forget(target authn.Resource, used authn.Authenticator)
//
// A [Client] calls it with the keychain's last result for target, which may be [authn.Anonymous],
// then asks the keychain again, and tries once more if the credentials are others. Forget may be
// called concurrently, and late: by then, the keychain may have returned other credentials, which
// it need not drop.
type Forgetter = credential.Forgetter

// SourcedAuthenticator is an authenticator that knows where its credentials come from:
//
//	authn.Authenticator
//	Source() CredentialSource
//
// Where a keychain returns one, a [Client] names the source when the credentials are refused.
type SourcedAuthenticator = credential.Sourced

// CredentialSource says where credentials come from. Its String is a line for people. Nothing in it
// is secret. The fields are
//
//	Config   string // the configuration: a path, or DOCKER_AUTH_CONFIG
//	Key      string // the matching entry, without a URL's user and password; for a credsStore,
//	                // the server that the helper was asked for
//	Helper   string // the program that returned them, or empty
//	Username string // empty for a token
//	Kind     string // "password", "identity token" or "registry token"
type CredentialSource = credential.Source
