package registry

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// Unreached is a request that got no response.
type Unreached struct {
	Host     string // that was asked; empty if unknown
	Registry bool   // it is known to be the registry, and not a server to which that sends its clients
	Err      error
}

// LastUnreached returns the request that failed last, of those that err reports.
func LastUnreached(err error) Unreached {
	last := Unreached{Err: err}
	var request *url.Error
	if fallback, ok := errdef.NoteOf[fallbackFailure](err); ok {
		last.Host, last.Err = fallback.host, fallback.err
	} else if errors.As(err, &request) {
		if u, parseErr := url.Parse(request.URL); parseErr == nil {
			last.Host = u.Host
		}
	}
	with, ok := errdef.NoteOf[inSessionWith](err)
	last.Registry = ok && last.Host == with.host
	last.Host = printable(guard.Undisguise(last.Host), maxHostText)
	return last
}

// maxHostText is longer than the names of hosts are; DNS allows 253.
const maxHostText = 128

// Asked reports whether err is of a request to a registry, or to a server to which one sends its
// clients.
func Asked(err error) bool {
	_, inSession := errdef.NoteOf[inSessionWith](err)
	var request *url.Error
	return inSession || errors.As(err, &request)
}

// inSessionWith is noted on the errors of a session.
type inSessionWith struct {
	host  string
	begun bool // the registry had told what it requires
}

// fallbackFailure is noted on the error of a request that was tried over https and then over http:
// errors.As finds only that of https in it.
type fallbackFailure struct {
	host string
	err  error // of http
}

// mismatch says in the words of net/http's client, which is above this, that a server responds to
// TLS with HTTP.
func mismatch(err error) error {
	var header tls.RecordHeaderError
	if errors.As(err, &header) && string(header.RecordHeader[:]) == "HTTP/" {
		return http.ErrSchemeMismatch
	}
	return err
}
