package leioci

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// fail says which operation on what failed, adds the kind of a registry's answer, and what to do about it.
func fail(op string, what fmt.Stringer, err error) error {
	err = explain(redact(err))
	return fmt.Errorf("%s %s: %w", op, what, err)
}

// fail does what the function fail does, and names the session's login where that was refused.
func (s *session) fail(op string, what fmt.Stringer, err error) error {
	if refused(err) {
		err = &loginError{s.login, s.repo.RegistryStr(), err}
	}
	return fail(op, what, err)
}

// explain adds to an error its kind and some advice, once.
func explain(err error) error {
	var done *explained
	if errors.As(err, &done) {
		return err
	}
	var after *retry.AfterError
	var answer *transport.Error
	switch {
	case errors.As(err, &after):
		err = &RateLimitError{RetryAfter: after.After, Err: err}
	case tlsAdvice(err) != "": // before the answer: what failed over https may have been tried over http, too
		err = fmt.Errorf("%w (%s)", err, tlsAdvice(err))
	case errors.As(err, &answer):
		err = explainAnswer(answer, err)
	case connectionAdvice(err) != "":
		err = fmt.Errorf("%w (%s)", err, connectionAdvice(err))
	}
	return &explained{err}
}

// explained is an error that says what to do.
type explained struct{ error }

func (e *explained) Unwrap() error { return e.error }

// explainAnswer is for what a registry said.
func explainAnswer(answer *transport.Error, err error) error {
	switch answer.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w (it may not exist, or not be shown without credentials): %w", ErrNotFound, err)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w (%s): %w", ErrUnauthorized, loginAdvice(err), err)
	case http.StatusForbidden:
		return fmt.Errorf("%w (%s may not do this): %w", ErrDenied, loginOf(err), err)
	case http.StatusBadRequest:
		if strings.Contains(err.Error(), "HTTP request to an HTTPS server") { // net/http's servers, and nginx in other words
			return fmt.Errorf("%w (the registry speaks https: do not ask for plain HTTP)", err)
		}
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: the registry, or a proxy in front of it, takes no body of this size: %w", ErrTooLarge, err)
	case http.StatusUnsupportedMediaType:
		return fmt.Errorf("%w (%s)", err, typesAdvice)
	}
	for _, d := range answer.Errors {
		if d.Code == transport.ManifestInvalidErrorCode || d.Code == transport.UnsupportedErrorCode {
			return fmt.Errorf("%w (%s)", err, typesAdvice)
		}
	}
	return err
}

// typesAdvice is for registries of which some, at some time, took images alone.
const typesAdvice = "some registries refuse config and layer types that they do not know; ask its operator to allow OCI artifacts, or use another"

// connectionAdvice is for what went wrong before a registry could say anything.
func connectionAdvice(err error) string {
	var unknown *net.DNSError
	var connection *net.OpError
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return "the first segment of a reference is its registry"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the registry speaks plain HTTP: allow it with WithPlainHTTP, --plain-http"
	case errors.As(err, &connection) && connection.Op == "proxyconnect":
		return "there is no connection to the proxy: see HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
	case errors.As(err, &connection) && connection.Op == "dial":
		return "there is no connection to it: is the registry running, and the port right?"
	case errors.Is(err, ErrStalled):
		return "the connection is up, but nothing moves; try again, or look at proxies on the way"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection broke off; try again, or look at proxies on the way"
	case errors.Is(err, ErrVerification):
		return "try again; if it stays so, what the registry has is damaged, or is changed on the way"
	}
	return ""
}

// tlsAdvice is for a registry whose certificate is not accepted, or which does not accept ours.
func tlsAdvice(err error) string {
	var authority x509.UnknownAuthorityError
	var alert *net.OpError
	switch {
	case errors.As(err, &authority):
		return "if the registry has a private certificate authority, give it with WithTLS, --ca-file"
	case errors.As(err, &alert) && alert.Op == "remote error": // what crypto/tls makes of an alert (RFC 8446, section 6)
		return "the registry refuses the TLS connection; it may want a client certificate: WithTLS, --cert-file and --key-file"
	}
	return ""
}

// loginOf says what was shown to a registry.
func loginOf(err error) string {
	var l *loginError
	if errors.As(err, &l) {
		return l.login.source
	}
	return "the credentials in use"
}

// loginAdvice says what was shown to a registry that wants something else, and how to give it that.
func loginAdvice(err error) string {
	var l *loginError
	if !errors.As(err, &l) {
		return "log in to the registry, or give a token"
	}
	if l.login.given {
		return fmt.Sprintf("it does not accept %s, which come before any that are stored", l.login.source)
	}
	return fmt.Sprintf("tried with %s; log in with docker login %s or give a token, and see leioci auth explain for where credentials "+
		"are looked for", l.login.source, l.registry)
}
