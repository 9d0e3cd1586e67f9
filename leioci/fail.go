package leioci

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// fail says which operation on what failed, adds the kind of a registry's answer, and what to do about it.
func fail(op string, what fmt.Stringer, err error) error {
	err = explain(registry.Redact(err))
	return fmt.Errorf("%s %s: %w", op, what, err)
}

// explain adds to an error its kind and some advice, once.
func explain(err error) error {
	if _, done := errdef.NoteOf[explained](err); done {
		return err
	}
	var response *transport.Error
	after, limited := registry.RateLimited(err)
	switch {
	case limited:
		err = &RateLimitError{RetryAfter: after, Err: err}
	case tlsAdvice(err) != "": // before the answer: what failed over https may have been tried over http, too
		err = fmt.Errorf("%w (%s)", err, tlsAdvice(err))
	case errors.As(err, &response):
		err = explainResponse(response, err)
	case connectionAdvice(err) != "":
		err = fmt.Errorf("%w (%s)", err, connectionAdvice(err))
	}
	return errdef.WithNote(err, explained{})
}

// explained is noted on an error that says what to do.
type explained struct{}

// explainResponse is for what a registry said, or a server to which it sent the client.
func explainResponse(response *transport.Error, err error) error {
	if host, ok := registry.RespondedElsewhere(err); ok {
		return explainStorage(response, host, err)
	}
	switch response.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w (it may not exist, or not be shown without credentials): %w", ErrNotFound, err)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w (%s): %w", ErrUnauthorized, loginAdvice(err), err)
	case http.StatusForbidden:
		return fmt.Errorf("%w (%s may not do this): %w", ErrDenied, shownTo(err), err)
	case http.StatusBadRequest:
		if strings.Contains(err.Error(), "HTTP request to an HTTPS server") { // net/http's servers, and nginx in other words
			return fmt.Errorf("%w (the registry speaks https: do not ask for plain HTTP)", err)
		}
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: the registry, or a proxy in front of it, takes no body of this size: %w", ErrTooLarge, err)
	case http.StatusUnsupportedMediaType:
		return fmt.Errorf("%w (%s)", err, typesAdvice)
	}
	for _, d := range response.Errors {
		if d.Code == transport.ManifestInvalidErrorCode || d.Code == transport.UnsupportedErrorCode {
			return fmt.Errorf("%w (%s)", err, typesAdvice)
		}
	}
	return err
}

// explainStorage is for what a server said to which the registry sent the client, usually its storage. It is shown no
// credentials: others would change nothing.
func explainStorage(response *transport.Error, host string, err error) error {
	says := fmt.Sprintf("says %s, to which the registry sends its clients, and not the registry itself; if it stays so, tell its operator", host)
	switch response.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w (%s): %w", ErrNotFound, says, err)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w (%s): %w", ErrUnauthorized, says, err)
	case http.StatusForbidden:
		return fmt.Errorf("%w (%s): %w", ErrDenied, says, err)
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w (%s): %w", ErrTooLarge, says, err)
	}
	return fmt.Errorf("%w (%s)", err, says)
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
	case strings.Contains(err.Error(), "is a private or link-local address"): // go-containerregistry, of a token server
		return "if it belongs to the registry, allow it with WithPrivateRedirects, --allow-private-redirects"
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

// shownTo says what was shown to a registry that refuses it.
func shownTo(err error) string {
	if shown, ok := errdef.NoteOf[registry.Shown](err); ok {
		return shown.Source
	}
	return "the credentials in use"
}

// loginAdvice says what was shown to a registry that wants something else, and how to give it that.
func loginAdvice(err error) string {
	shown, ok := errdef.NoteOf[registry.Shown](err)
	if !ok {
		return "log in to the registry, or give a token"
	}
	if shown.Given {
		return fmt.Sprintf("it does not accept %s, which come before any that are stored", shown.Source)
	}
	return fmt.Sprintf("tried with %s; log in with docker login %s or give a token, and see leioci auth explain for where credentials "+
		"are looked for", shown.Source, shown.Registry)
}

// adviseDisk adds to an error of the disk, on the way into dir, what to do about it.
func adviseDisk(dir string, err error) error {
	switch {
	case errors.Is(err, ErrTargetNotEmpty): // says it itself
		return err
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (this user must be able to read %s, and to write to the directory that holds it)", err, dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (a new snapshot is made beside %s: use a directory on a file system that can be written to)", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (a new snapshot is beside %s until it replaces it: make room there for both; "+
			"what has come is kept in the .leioci-partial- files there, for the next pull, and may be deleted)", err, dir)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w (the file system of %s, or a limit of this process such as ulimit -f, allows no file of this size)", err, dir)
	}
	return err
}
