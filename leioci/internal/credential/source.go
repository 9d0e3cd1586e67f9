package credential

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Source says where credentials come from. Nothing in it is secret.
type Source struct {
	// Config is the path of the configuration file, or DOCKER_AUTH_CONFIG for the variable of that
	// name.
	Config string
	// Key is the key of the matching entry as written there, but without a URL's user and password.
	// For a credsStore it is the server the helper was queried for.
	Key string
	// Helper is the program that returned the credentials, for example docker-credential-pass, or
	// empty.
	Helper string
	// Username is empty for a token.
	Username string
	// Kind is "password", "identity token" or "registry token".
	Kind string
}

// String describes the source in one line, for example:
// password of "bob" from docker-credential-pass, entry "ghcr.io" in /home/bob/.docker/config.json.
func (s Source) String() string { return printable(s.Entry() + " in " + s.Config) }

// Entry is like String, but without the configuration.
func (s Source) Entry() string {
	var b strings.Builder
	b.WriteString(s.Kind)
	if s.Username != "" {
		fmt.Fprintf(&b, " of %q", s.Username)
	}
	if s.Helper != "" {
		b.WriteString(" from " + s.Helper)
	}
	fmt.Fprintf(&b, ", entry %q", s.Key)
	return printable(b.String())
}

// Sourced is an authenticator that knows where its credentials come from. [Keychain] returns only
// these and [authn.Anonymous].
type Sourced interface {
	authn.Authenticator
	Source() Source
}

// authenticator holds a place's credentials for a target.
type authenticator struct {
	config authn.AuthConfig
	source Source
	answer *run // the helper's run, or nil
}

// Authorization implements [authn.Authenticator].
func (a *authenticator) Authorization() (*authn.AuthConfig, error) {
	config := a.config
	return &config, nil
}

// Source implements [Sourced].
func (a *authenticator) Source() Source { return a.source }

// String describes the source, so that a caller who prints the authenticator does not print the
// secret.
func (a *authenticator) String() string { return a.source.String() }

// GoString does the same for %#v.
func (a *authenticator) GoString() string { return a.source.String() }

// newAuthenticator completes the source with the kind and user name of the credentials.
func newAuthenticator(config authn.AuthConfig, source Source) *authenticator {
	switch {
	case config.RegistryToken != "":
		source.Kind = "registry token"
	case config.IdentityToken != "":
		source.Kind = "identity token"
	default:
		source.Kind = "password"
	}
	source.Username = config.Username
	return &authenticator{config: config, source: source}
}
