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

// fail adds to err the operation and what it was for, the kind of error if a registry responded,
// and advice.
func fail(op string, what fmt.Stringer, err error) error {
	if l, ok := what.(Location); ok && l.path != "" && !registry.Asked(err) {
		return fmt.Errorf("%s %s: %w", op, what, explainLocal(err))
	}
	return fmt.Errorf("%s %s: %w", op, what, explain(err))
}

// explainLocal is explain for what happened to a layout or an archive. What breaks off or differs
// there is damaged, and no connection was in between.
func explainLocal(err error) error {
	_, done := errdef.NoteOf[explained](err)
	switch {
	case !done && errors.Is(err, ErrVerification):
		return errdef.WithNote(fmt.Errorf("%w (the layout or the archive is damaged: make it again)", registry.Redact(err)), explained{})
	case !done && errors.Is(err, ErrUnsupportedManifest): // of a short file, too, whose end is not that of a connection
		return errdef.WithNote(registry.Redact(err), explained{})
	}
	return explain(err)
}

// explain adds a kind and advice to an error, unless it has them already. Its text shows no secret.
func explain(err error) error {
	err = registry.Redact(err)
	if _, ok := errdef.NoteOf[explained](err); ok {
		return err
	}
	var response *transport.Error
	after, limited := registry.RateLimited(err)
	switch {
	case limited:
		if host, ok := registry.RespondedElsewhere(err); ok {
			err = fmt.Errorf("%w (%s)", err, storageSays(host))
		}
		err = &RateLimitError{RetryAfter: after, Err: err}
	case tlsAdvice(err) != nil: // before the response, which may come from a fallback to http
		err = fmt.Errorf("%w (%w)", err, tlsAdvice(err))
	case errors.As(err, &response):
		err = explainResponse(response, err)
	case connectionAdvice(err) != nil:
		err = fmt.Errorf("%w (%w)", err, connectionAdvice(err))
	}
	return errdef.WithNote(err, explained{})
}

// explained marks an error that explain has handled.
type explained struct{}

// explainResponse explains the response of a registry, or of a server that it redirects to.
func explainResponse(response *transport.Error, err error) error {
	if host, ok := registry.RespondedElsewhere(err); ok {
		return explainStorage(response, host, err)
	}
	switch response.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w (it may not exist, or be hidden without credentials)", ErrNotFound, err)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %w (%w)", ErrUnauthorized, err, loginAdvice(err))
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w (tried with %w)", ErrDenied, err, credentialsUsed(err))
	case http.StatusBadRequest:
		if wantsHTTPS(response.Error()) { // all of it: err has no page
			return fmt.Errorf("%w (the registry requires https: do not use plain HTTP)", err)
		}
	case http.StatusMethodNotAllowed:
		return fmt.Errorf("%w (it may be a registry that is only read)", err)
	case http.StatusProxyAuthRequired:
		return fmt.Errorf("%w (%s)", err, proxyAdvice)
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w (the registry, or a proxy in front of it, does not accept a body of this size)",
			ErrTooLarge, err)
	case http.StatusUnsupportedMediaType:
		return fmt.Errorf("%w (%s)", err, mediaTypeAdvice)
	}
	for _, d := range response.Errors {
		if d.Code == transport.ManifestInvalidErrorCode || d.Code == transport.UnsupportedErrorCode {
			return fmt.Errorf("%w (%s)", err, mediaTypeAdvice)
		}
	}
	return err
}

// explainStorage is for what a server said to which the registry sent the client, usually its
// storage. It is shown no credentials: others would change nothing.
func explainStorage(response *transport.Error, host string, err error) error {
	says := storageSays(host)
	switch response.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w (%s)", ErrNotFound, err, says)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %w (%s)", ErrUnauthorized, err, says)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w (%s)", ErrDenied, err, says)
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w (%s)", ErrTooLarge, err, says)
	}
	return fmt.Errorf("%w (%s)", err, says)
}

func storageSays(host string) string {
	return fmt.Sprintf("from %s, to which the registry redirects; if it persists, tell the registry's operator", host)
}

// mediaTypeAdvice is for registries that accept only container images, as some have.
const mediaTypeAdvice = "some registries refuse config and layer types that they do not know: " +
	"ask its operator to allow OCI artifacts"

// wantsHTTPS reports whether a 400 says, in the words of net/http, nginx or Apache, that the port
// is for https.
func wantsHTTPS(text string) bool {
	return strings.Contains(text, "HTTP request to an HTTPS server") ||
		strings.Contains(text, "HTTP request was sent to HTTPS port") ||
		strings.Contains(text, "speaking plain HTTP to an SSL-enabled server port")
}

const proxyAdvice = "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"

// connectionAdvice is for errors without a response from the registry. What failed may as well be
// the storage or the token server to which the registry sends its clients: the advice names it.
func connectionAdvice(err error) error {
	last := registry.LastUnreached(err)
	var dns *net.DNSError
	var connection *net.OpError
	switch {
	case errors.As(last.Err, &dns) && dns.IsNotFound && last.Registry:
		return errors.New("the first segment of a reference is always the registry")
	case errors.As(last.Err, &dns) && dns.IsNotFound:
		return elsewhereAdvice("there is no such host", last)
	case strings.Contains(last.Err.Error(), "is a private or link-local address"): // go-containerregistry, of a token server
		return fmt.Errorf("if it belongs to the registry, allow it with %w", errdef.PrivateRedirects)
	case errors.Is(last.Err, http.ErrSchemeMismatch) && last.Registry:
		return fmt.Errorf("the registry uses plain HTTP: allow it with %w", errdef.PlainHTTP)
	case errors.Is(last.Err, http.ErrSchemeMismatch):
		return elsewhereAdvice("plain HTTP at an https address", last)
	case errors.As(last.Err, &connection) && connection.Op == "proxyconnect":
		return errors.New("cannot connect to the proxy: " + proxyAdvice)
	case errors.As(last.Err, &connection) && connection.Op == "dial" && last.Registry:
		return errors.New("cannot connect: is the registry running, and is the port right?")
	case errors.As(last.Err, &connection) && connection.Op == "dial":
		return elsewhereAdvice("cannot connect", last)
	case errors.Is(last.Err, ErrStalled):
		return errors.New("connected, but no data is moving; try again, or check any proxies in between")
	case errors.Is(last.Err, io.ErrUnexpectedEOF), errors.Is(last.Err, io.EOF):
		return errors.New("the connection broke off; try again, or check any proxies in between")
	case errors.Is(last.Err, ErrVerification):
		return errors.New("try again; if it persists, the content is corrupt in the registry or altered in transit")
	}
	return nil
}

// elsewhereAdvice is for a host that the user need not have named.
func elsewhereAdvice(problem string, last registry.Unreached) error {
	host := "the server asked"
	if last.Host != "" {
		host = last.Host
	}
	return fmt.Errorf("%s: %s; if the problem persists, tell the operator of the registry that redirects there", host, problem)
}

// tlsAdvice is for certificates that the client or the server that was asked rejects.
func tlsAdvice(err error) error {
	var authority x509.UnknownAuthorityError
	var alert *net.OpError
	host := "the registry"
	if last := registry.LastUnreached(err); last.Host != "" && !last.Registry {
		host = last.Host
	}
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("if %s uses a private certificate authority, add it with %w", host, errdef.RootCAs)
	case errors.As(err, &alert) && alert.Op == "remote error": // crypto/tls received an alert (RFC 8446, section 6)
		return fmt.Errorf("%s rejects the TLS connection; it may require a client certificate: %w", host, errdef.Certificates)
	}
	return nil
}

// credentialsUsed names the credentials that a registry rejected.
func credentialsUsed(err error) error {
	if shown, ok := errdef.NoteOf[registry.Shown](err); ok {
		return describeShown(shown)
	}
	return errors.New("the credentials in use")
}

// describeShown names credentials, and who can have given them.
func describeShown(shown registry.Shown) error {
	if shown.Given {
		return fmt.Errorf("%s by %w", shown.Source, errdef.Credentials)
	}
	return errors.New(shown.Source)
}

// loginAdvice names the credentials that a registry rejected, and says how to provide others.
func loginAdvice(err error) error {
	shown, ok := errdef.NoteOf[registry.Shown](err)
	if !ok {
		return fmt.Errorf("log in to the registry or use %w", errdef.Token)
	}
	if shown.Given {
		return fmt.Errorf("the registry does not accept %w, which precede stored ones", describeShown(shown))
	}
	return fmt.Errorf("tried with %s; log in with docker login %s, or use %w; see %w",
		shown.Source, shown.Registry, errdef.Token, errdef.Keychain)
}

// adviseDisk adds advice to a file system error of a write to dir.
func adviseDisk(dir string, err error) error {
	switch {
	case errors.Is(err, ErrTargetNotEmpty): // has its own advice
		return err
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (this user needs permission to read %s and to write to its parent directory)", err, dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (a new snapshot is built beside %s: use a directory on a writable file system)", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (a new snapshot is built beside %s before it replaces it: make room for both; "+
			"the .leioci-partial- files there keep what was downloaded for the next pull, and may be deleted)", err, dir)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w (the file system of %s, or a limit such as ulimit -f, does not allow files of this size)",
			err, dir)
	}
	return err
}
