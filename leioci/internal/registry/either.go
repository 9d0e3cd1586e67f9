package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

const (
	// httpsHeadStart is how long https is tried before http is, too, as in go-containerregistry: a host
	// may accept a connection and never respond to TLS.
	httpsHeadStart = 300 * time.Millisecond
	// httpHeadStart is how long http is tried before https is on this machine, where nobody can listen.
	// Most registries there speak http, and respond before a handshake is worth its cost; one that
	// speaks TLS refuses http at once.
	httpHeadStart = 10 * time.Millisecond
	// endAllowance is how long the request that is not needed may take to end. Transports that obey
	// contexts, as that of net/http, need no time; one that does not must not hold up the call.
	endAllowance = 2 * time.Second
)

// schemes returns the scheme to begin with, the other one, and when to try that, too.
func (a *authorized) schemes() (first, second string, headStart time.Duration) {
	if a.onThisMachine() {
		return "http", "https", httpHeadStart
	}
	return "https", "http", httpsHeadStart
}

// An answer is what a request came to over one of the schemes.
type answer struct {
	scheme string
	resp   *http.Response
	err    error
	cancel context.CancelFunc
}

// discard drops a response that is not used, if there is one.
func (o *answer) discard() {
	if o == nil {
		return
	}
	o.cancel()
	if o.err == nil {
		_ = o.resp.Body.Close() // another response is used
	}
}

// take returns the response that is used. Its request ends with its body.
func (o *answer) take() *http.Response {
	o.resp.Body = &lasting{o.resp.Body, o.cancel}
	return o.resp
}

// lasting is a body that ends its request when it is closed.
type lasting struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (l *lasting) Close() error {
	defer l.cancel()
	return l.ReadCloser.Close()
}

// A race is a request that is sent over both schemes.
type race struct {
	*authorized
	in      *http.Request
	answers chan *answer
	over    chan struct{}
	running map[string]context.CancelFunc // the requests without an answer yet, by scheme
}

// start sends the request over a scheme.
func (r *race) start(scheme string) {
	ctx, cancel := context.WithCancel(r.in.Context())
	r.running[scheme] = cancel
	in := r.in.Clone(ctx) // transports may add to its header
	go func() {
		resp, err := r.send(in, scheme, "") //nolint:bodyclose // the answer has it
		a := &answer{scheme, resp, err, cancel}
		select {
		case r.answers <- a:
		case <-r.over:
			a.discard()
		}
	}()
}

// end ends the requests without an answer, and waits for that, so that whoever called can rely on
// nothing being sent or logged afterwards.
func (r *race) end() {
	defer close(r.over)
	for _, cancel := range r.running {
		cancel()
	}
	late := time.NewTimer(endAllowance)
	defer late.Stop()
	for range r.running {
		select {
		case a := <-r.answers:
			a.discard()
		case <-late.C:
			return
		}
	}
}

// reachEither sends a request over one scheme and, if that fails or takes long, over the other, too.
// Whatever responds over https is the registry.
func (a *authorized) reachEither(in *http.Request) (*http.Response, error) {
	r := &race{authorized: a, in: in, answers: make(chan *answer), over: make(chan struct{}), running: map[string]context.CancelFunc{}}
	defer r.end()
	first, second, headStart := a.schemes()
	r.start(first)
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	var secure, plain *answer
	for secure == nil || plain == nil {
		select {
		case <-timer.C:
			r.start(second)
			continue
		case got := <-r.answers:
			delete(r.running, got.scheme)
			if got.scheme == "https" {
				secure = got
			} else {
				plain = got
			}
		}
		switch {
		case secure != nil && secure.err == nil:
			plain.discard()
			a.reached("https")
			return secure.take(), nil
		case plain != nil && plain.err == nil && a.convinces(plain.resp):
			secure.discard()
			a.reached("http")
			return plain.take(), nil
		case in.Context().Err() != nil:
			secure.discard()
			plain.discard()
			return nil, context.Cause(in.Context())
		case (secure == nil || plain == nil) && timer.Stop(): // the first did not do, and the second was not tried yet
			timer.Reset(0)
		}
	}
	return r.conclude(secure, plain)
}

// conclude decides after https has failed. A server that speaks TLS may have refused http, or what
// it says over http is not what the registry would say.
func (r *race) conclude(secure, plain *answer) (*http.Response, error) {
	if plain.err != nil || r.leadsToHTTPS(plain.resp) || speaksTLS(secure.err) && !r.convinces(plain.resp) {
		return nil, r.bothFailed(secure, plain)
	}
	secure.discard()
	r.reached("http")
	return plain.take(), nil
}

// speaksTLS reports whether an error is about a certificate, the server's or the client's.
func speaksTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var alert *net.OpError
	return errors.As(err, &certificate) || errors.As(err, &alert) && alert.Op == "remote error"
}

// bothFailed returns the error of a request that failed over both schemes.
func (r *race) bothFailed(secure, plain *answer) error {
	defer secure.discard()
	defer plain.discard()
	first := requestError(r.in, "https", secure.err)
	if plain.err == nil { // it does not come from a registry
		return &whole{twice{first, transport.CheckError(plain.resp)}}
	}
	both := twice{first, requestError(r.in, "http", plain.err)}
	return &whole{errdef.WithNote(both, fallbackFailure{r.repo.RegistryStr(), mismatch(plain.err)})}
}

// twice are the errors of https and of http.
type twice struct{ https, http error }

func (t twice) Error() string   { return t.https.Error() + "; " + t.http.Error() }
func (t twice) Unwrap() []error { return []error{t.https, t.http} }
