package credential

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Source says where credentials come from. Nothing in it is secret.
type Source struct {
	// Config is the path of the configuration file, or DOCKER_AUTH_CONFIG for the variable of that name.
	Config string
	// Key is the entry that matched, as it is written there; for a credsStore it is what the helper was asked for.
	Key string
	// Helper is the program that gave the credentials, for example docker-credential-pass, or empty.
	Helper string
	// Username is empty for a token.
	Username string
	// Kind is "password", "identity token" or "registry token".
	Kind string
}

// String describes the source in one line, for example:
// password of "bob" from docker-credential-pass, entry "ghcr.io" in /home/bob/.docker/config.json.
func (s Source) String() string { return s.Entry() + " in " + s.Config }

// Entry describes the source without its configuration.
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
	return b.String()
}

// Sourced is an authenticator that knows its source. Those of [Keychain] do, except [authn.Anonymous].
type Sourced interface {
	authn.Authenticator
	Source() Source
}

// found is what a place has for a target.
type found struct {
	config authn.AuthConfig
	source Source
	answer *run // the helper's, or nil
}

// Authorization implements [authn.Authenticator].
func (f *found) Authorization() (*authn.AuthConfig, error) {
	config := f.config
	return &config, nil
}

// Source implements [Sourced].
func (f *found) Source() Source { return f.source }

// String and GoString keep the secret out of what a caller prints.
func (f *found) String() string { return f.source.String() }

// GoString is for %#v.
func (f *found) GoString() string { return f.source.String() }

// newFound fills in what the source says about the credentials.
func newFound(config authn.AuthConfig, source Source) *found {
	switch {
	case config.RegistryToken != "":
		source.Kind = "registry token"
	case config.IdentityToken != "":
		source.Kind = "identity token"
	default:
		source.Kind = "password"
	}
	source.Username = config.Username
	return &found{config: config, source: source}
}
