package registry

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"

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
	with, ok := errdef.NoteOf[handshakeWith](err)
	last.Registry = ok && last.Host == with.host
	last.Host = printable(guard.Undisguise(last.Host), maxHostText)
	return last
}

// maxHostText is longer than the names of hosts are; DNS allows 253.
const maxHostText = 128

// handshakeWith is noted on the errors of a handshake.
type handshakeWith struct{ host string }

// fallbackFailure is noted on the error of a ping that tried https and then http, of which
// go-containerregistry makes one error: errors.As finds only that of https in it.
type fallbackFailure struct {
	host string
	err  error
}

// fallback records how a ping over http failed.
type fallback struct {
	last atomic.Pointer[fallbackFailure]
}

func (f *fallback) record(req *http.Request, err error) {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	var header tls.RecordHeaderError
	if errors.As(err, &header) && string(header.RecordHeader[:]) == "HTTP/" {
		err = http.ErrSchemeMismatch // as net/http's client says it, above this
	}
	if first.URL.Scheme == "http" {
		f.last.Store(&fallbackFailure{req.URL.Host, err})
	}
}

func (f *fallback) note(err error) error {
	if last := f.last.Load(); last != nil && err != nil {
		return errdef.WithNote(err, *last)
	}
	return err
}
