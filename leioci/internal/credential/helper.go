package credential

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
)

// HelperError is a credential helper that is missing, fails, hangs or answers with something else than the protocol.
// Where the caller's context has ended, Err is its cause, and nothing is wrong with the helper.
type HelperError struct {
	// Helper is the program, for example docker-credential-pass.
	Helper string
	// Config is the configuration that names the helper: a path, or DOCKER_AUTH_CONFIG.
	Config string
	// Registry is what the helper was asked for.
	Registry string
	// Said is what the helper wrote to its standard error, shortened, on one line and without control characters, or
	// a message that the protocol documents. Anything else on its standard output may be a secret, and is dropped.
	Said string
	// Err is the cause, for example [exec.ErrNotFound], [*exec.ExitError] or [context.DeadlineExceeded].
	Err error
}

// Error names the helper, its configuration and the registry, and tells what the helper said.
func (e *HelperError) Error() string {
	text := fmt.Sprintf("credential helper %s (in %s), asked for %s: %v", e.Helper, e.Config, e.Registry, e.Err)
	if e.Said != "" {
		text += fmt.Sprintf("; it said %q", e.Said)
	}
	return text
}

// Unwrap returns the cause.
func (e *HelperError) Unwrap() error { return e.Err }

// errNotProtocol is an answer of something that is no credential helper.
var errNotProtocol = errors.New("its answer is not the JSON object of the credential helper protocol")

// A question is for a helper. There is at most one run for it at a time.
type question struct {
	helper string // as in the configuration, without docker-credential-
	server scope
}

func (q question) program() string { return "docker-credential-" + q.helper }

// A candidate is a question that a configuration wants asked, and the entry that says so.
type candidate struct {
	question
	key string
}

// asked returns the helpers to ask about target, in order. As with docker, an empty name in credHelpers means no helper
// for this registry, not even the credsStore. A helper is asked for the registry, unless its entry names a path.
func asked(cfg *configfile.ConfigFile, target scope) []candidate {
	var c []candidate
	registry := scope{host: target.host}
	if key := match(cfg.CredentialHelpers, target); key != "" {
		helper := cfg.CredentialHelpers[key]
		if helper == "" {
			return nil
		}
		c = append(c, candidate{question{helper, parseKey(key)}, key})
	}
	if store := (question{cfg.CredentialsStore, registry}); store.helper != "" && (len(c) == 0 || c[0].question != store) {
		c = append(c, candidate{store, registry.String()})
	}
	return c
}

// failure is what went wrong in a run.
type failure struct {
	said string
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// newHelperError tells whose failure it was.
func newHelperError(err error, c candidate, p place) *HelperError {
	e := &HelperError{Helper: c.program(), Config: p.config(), Registry: c.server.String(), Err: err}
	var f *failure
	if errors.As(err, &f) {
		e.Said, e.Err = f.said, f.err
	}
	return e
}

// get runs a helper and returns its answer, or nil where it has none for the server.
func get(ctx context.Context, env environ, q question) (*credentials.Credentials, error) {
	p := &program{ctx: ctx, env: env, name: q.program()}
	creds, err := client.Get(p.with, q.server.String())
	switch {
	case err == nil && creds.Username == "" && creds.Secret == "":
		return nil, nil
	case err == nil:
		return creds, nil
	case credentials.IsErrCredentialsNotFound(err):
		return nil, nil
	// The client's own error quotes what the helper printed, and package json's what it stumbled over.
	case p.err != nil:
		return nil, &failure{p.said(), p.err}
	default:
		return nil, &failure{p.said(), errNotProtocol}
	}
}

// said returns what may be shown of a helper's output.
func (p *program) said() string {
	out := p.stdout.kept.String()
	if credentials.IsCredentialsMissingServerURLMessage(out) || credentials.IsCredentialsMissingUsernameMessage(out) {
		return strings.TrimSpace(out)
	}
	printable := func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}
	return strings.Join(strings.Fields(strings.Map(printable, strings.ToValidUTF8(p.stderr.kept.String(), " "))), " ")
}

// authConfig returns a helper's answer as go-containerregistry wants it: with the user name <token>, the secret is an
// identity token.
func authConfig(c *credentials.Credentials) authn.AuthConfig {
	if c.Username == "<token>" {
		return authn.AuthConfig{IdentityToken: c.Secret}
	}
	return authn.AuthConfig{Username: c.Username, Password: c.Secret}
}
