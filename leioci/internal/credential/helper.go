package credential

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// HelperError reports a credential helper that is missing, fails, hangs or violates the protocol.
// If the caller's context has ended, Err is the context's cause, and nothing is wrong with the
// helper.
type HelperError struct {
	// Helper is the program, for example docker-credential-pass.
	Helper string
	// Config is the configuration that names the helper: a path, or DOCKER_AUTH_CONFIG.
	Config string
	// Registry is the server that the helper was queried for.
	Registry string
	// Said is what the helper wrote to its standard error, truncated, on one line, without control
	// characters and with asterisks for what looks like a secret, or a message that the protocol
	// documents. Anything else on its standard output may be a secret and is dropped.
	Said string
	// Err is the cause, for example [exec.ErrNotFound], [*exec.ExitError] or
	// [context.DeadlineExceeded].
	Err error
}

// Error names the helper, its configuration and the registry, and quotes the helper's output.
func (e *HelperError) Error() string {
	text := fmt.Sprintf("credential helper %s (in %s) for %s: %v", e.Helper, e.Config, e.Registry, e.Err)
	if e.Said != "" {
		text += fmt.Sprintf("; output: %q", e.Said)
	}
	return printable(text)
}

// Unwrap returns the cause.
func (e *HelperError) Unwrap() error { return e.Err }

// errNotProtocol is returned for output that does not follow the credential helper protocol.
var errNotProtocol = errors.New("response is not the JSON object of the credential helper protocol")

// said is noted on a failed run's error (errdef.NoteOf): what the helper said.
type said string

// newHelperError adds the helper and its configuration to the error of a run.
func newHelperError(err error, c candidate, p place) *HelperError {
	e := &HelperError{Helper: c.program(), Config: p.config(), Registry: c.server.String(), Err: err}
	if text, ok := errdef.NoteOf[said](err); ok {
		e.Said, e.Err = string(text), errors.Unwrap(err)
	}
	return e
}

// runHelper runs a helper and returns its credentials, or nil if it has none for the server.
func runHelper(ctx context.Context, env environ, q query) (*credentials.Credentials, error) {
	p := &program{ctx: ctx, env: env, name: q.program()}
	creds, err := client.Get(p.withArgs, q.server.String())
	switch {
	case err == nil && creds.Secret == "" && (creds.Username == "" || creds.Username == tokenUser):
		return nil, nil
	case err == nil:
		return creds, nil
	case credentials.IsErrCredentialsNotFound(err):
		return nil, nil
	// Do not wrap err: the client's own errors quote the helper's output, and package json's quote
	// its input.
	case p.err != nil:
		return nil, errdef.WithNote(p.err, said(p.message()))
	default:
		return nil, errdef.WithNote(errNotProtocol, said(p.message()))
	}
}

// tokenUser is the user name that comes with an identity token.
const tokenUser = "<token>"

// authConfig converts a helper's credentials for go-containerregistry. If the user name is <token>,
// the secret is an identity token.
func authConfig(c *credentials.Credentials) authn.AuthConfig {
	if c.Username == tokenUser {
		return authn.AuthConfig{IdentityToken: c.Secret}
	}
	return authn.AuthConfig{Username: c.Username, Password: c.Secret}
}
