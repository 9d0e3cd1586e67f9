package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// An origin is how a registry is reached.
type origin struct {
	scheme string // "https" or "http"
	// untrusted: the registry was reached over http although nobody asked for that. Nothing that it
	// says leads to a token.
	untrusted bool
	learned   time.Time // zero if it is configured, or always so
}

// originLifetime is how long a registry that was reached over http is not tried over https again,
// or the other way round.
const originLifetime = 5 * time.Minute

func (o *origin) expired() bool { return !o.learned.IsZero() && time.Since(o.learned) > originLifetime }

// scheme returns how the registry is reached or, before that is known, how it may be.
func (a *authorized) scheme() string {
	if o := a.origin.Load(); o != nil {
		return o.scheme
	}
	if a.client.config.HTTPSOnly {
		return "https"
	}
	return a.usual
}

// remembered is what the client's sessions have found out of a host.
func (a *authorized) remembered() *atomic.Pointer[origin] {
	return a.client.origins.get(a.repo.RegistryStr(), func() *atomic.Pointer[origin] { return &atomic.Pointer[origin]{} })
}

// recall returns how the registry is reached: nil if that is to be found out.
func (a *authorized) recall(ctx context.Context) *origin {
	if o := a.origin.Load(); o != nil {
		return o
	}
	o := a.remembered().Load()
	if o == nil || o.expired() || o.scheme == "http" && a.httpsOnly(ctx) {
		return nil
	}
	a.origin.Store(o)
	return o
}

// presumed returns the scheme for a request that may fail: that by which the registry is reached or,
// if that is being found out, on this machine, http. It is empty if there is none.
func (a *authorized) presumed(ctx context.Context) string {
	if o := a.recall(ctx); o != nil {
		return o.scheme
	}
	if a.onThisMachine() && !a.client.config.HTTPSOnly {
		return "http"
	}
	return ""
}

// onThisMachine reports whether what is sent to the registry passes through no network, as far as
// that is known: a caller's transport may use a proxy even for a name under localhost.
func (a *authorized) onThisMachine() bool {
	to := &url.URL{Scheme: "http", Host: a.repo.RegistryStr()}
	if !guard.Loopback(to.Hostname()) {
		return false
	}
	if a.client.guard.Proxy == nil {
		return true
	}
	proxy, err := a.client.guard.Proxy(&http.Request{Method: http.MethodGet, URL: to, Host: to.Host, Header: http.Header{}})
	return err == nil && proxy == nil
}

// reach sends a request without credentials. If it is not known how the registry is reached, it
// finds that out.
//
// A registry on a loopback or private address, or of a reference that says so, is asked over https
// and, where it does not respond to that, over http, as go-containerregistry does it (v0.22.1,
// remote/transport/ping.go). That is only acceptable for anonymous access: otherwise, whoever can
// disturb https could answer over http, and name the server to send the credentials to. On this
// machine, nobody can, and http is the first.
func (a *authorized) reach(in *http.Request) (*http.Response, error) {
	if o := a.recall(in.Context()); o != nil {
		resp, err := a.send(in, o.scheme, "")
		outdated := !o.learned.IsZero() && a.isOutdated(o, resp, err)
		if outdated || err != nil && !o.learned.IsZero() {
			a.remembered().CompareAndSwap(o, nil) // it may be another server by now
		}
		if !outdated || !isSafe(in) {
			return resp, err
		}
		if err == nil {
			_ = resp.Body.Close() // it does not come from a registry
		}
		a.origin.Store(nil)
	}
	if !a.httpsOnly(in.Context()) {
		return a.reachEither(in)
	}
	resp, err := a.send(in, "https", "")
	if err != nil {
		return nil, a.withoutHTTP(requestError(in, "https", err))
	}
	a.reached("https")
	return resp, nil
}

// isOutdated reports whether what a request over o came to says that the server has changed to the
// other scheme.
func (a *authorized) isOutdated(o *origin, resp *http.Response, err error) bool {
	if err != nil {
		return o.scheme == "https" && errors.Is(mismatch(err), http.ErrSchemeMismatch)
	}
	return o.scheme == "http" && a.wantsHTTPS(resp)
}

// reached remembers how the registry is reached.
func (a *authorized) reached(scheme string) {
	o := &origin{scheme: scheme, untrusted: scheme == "http" && !a.client.trustsHTTP(a.repo.Registry), learned: time.Now()}
	a.origin.Store(o)
	a.remembered().Store(o)
	if o.untrusted {
		naming(a.client.config.Log, errdef.HTTPSOnly).Warnf("%s does not respond over https and is accessed over http: anyone on the "+
			"network path can change content that is not requested by digest (%v refuses this)", a.repo.RegistryStr(), errdef.HTTPSOnly)
	}
}

// httpsOnly reports whether http must not be tried.
func (a *authorized) httpsOnly(ctx context.Context) bool {
	return a.client.config.HTTPSOnly || !a.client.trustsHTTP(a.repo.Registry) && !a.with.empty(ctx)
}

// withoutHTTP says why http was not tried after https had failed.
func (a *authorized) withoutHTTP(err error) error {
	if a.client.config.HTTPSOnly {
		return &whole{fmt.Errorf("%w (http is not tried, because of %w or %w)", err, errdef.HTTPSOnly, errdef.TLS)}
	}
	return &whole{fmt.Errorf("%w: https failed, and credentials for %s would be sent in clear text over http (use https, "+
		"or allow it with %w): %w", errdef.ErrInsecure, a.repo.RegistryStr(), errdef.PlainHTTP, err)}
}

// convinces reports whether a response over http is a registry's, even while https may still
// succeed. A server that expects https on that port says 400, and one that has it on another port
// redirects there.
func (a *authorized) convinces(resp *http.Response) bool {
	return !temporary(resp) && !a.wantsHTTPS(resp)
}

// wantsHTTPS reports whether a response over http may be that of a server that expects https.
func (a *authorized) wantsHTTPS(resp *http.Response) bool {
	return resp.StatusCode == http.StatusBadRequest || a.leadsToHTTPS(resp)
}

// leadsToHTTPS reports whether a response is a redirect to the registry itself, over https.
func (a *authorized) leadsToHTTPS(resp *http.Response) bool {
	to, err := resp.Location()
	return err == nil && to.Scheme == "https" && a.client.config.canonicalHost(guard.Undisguise(to.Host)) == a.repo.RegistryStr()
}

// requestError is the error of a request over a scheme, in the words of net/http's client.
func requestError(in *http.Request, scheme string, err error) error {
	u := *in.URL
	u.Scheme = scheme
	return &url.Error{Op: in.Method[:1] + strings.ToLower(in.Method[1:]), URL: u.String(), Err: mismatch(err)}
}

// A whole is the error of a RoundTripper that says which request failed: not the one that net/http's
// client puts in front.
type whole struct{ error }

func (w *whole) Unwrap() error { return w.error }

// told returns the error of a request, without what net/http's client said in front of a whole one.
func told(err error) error {
	var w *whole
	if errors.As(err, &w) {
		return w.error
	}
	return err
}
