package registry

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/stall"
	"github.com/lowendinsight/lei-go/leioci/internal/wirelog"
)

// answerFactor times the stall timeout is how long a registry may take to respond to an upload
// after receiving all of it.
const answerFactor = 10

// newChain returns the chain of transports that every request passes through, including those of a
// handshake. The guard comes first and the network last.
func newChain(c Config, network http.RoundTripper, sent *limit.Sent) guard.Transport {
	var rt http.RoundTripper = stall.Transport{Base: network, Timeout: c.StallTimeout, Answer: answerFactor * c.StallTimeout}
	rt = wirelog.Transport{Base: rt, Log: c.Log, Redact: func(err error) error { return Redact(hide(sent, err)) }, Hide: sent.Hide}
	rt = retry.Transport{Base: rt}
	rt = limit.Transport{Base: rt, Most: manifest.MaxBytes, Sent: sent, Proxy: proxyOf(c.Transport)}
	return guard.Transport{Base: rt, PlainHTTP: c.PlainHTTP, Private: c.PrivateNetworks, Proxy: proxyOf(c.Transport)}
}

// proxyOf returns the function by which a transport chooses its proxies, or nil if that is unknown.
func proxyOf(rt http.RoundTripper) func(*http.Request) (*url.URL, error) {
	t, ok := rt.(*http.Transport)
	if !ok {
		return nil
	}
	if t.Proxy == nil {
		return func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	return t.Proxy
}

// proxyFromEnvironment sends what is for this machine to no proxy. [http.ProxyFromEnvironment]
// exempts neither the names under localhost nor a spelling such as "LOCALHOST", but credentials are
// sent there over http.
func proxyFromEnvironment(req *http.Request) (*url.URL, error) {
	if guard.Loopback(req.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

// maxHeaderBytes is far more than any registry's response needs; net/http would accept 10 MB.
const maxHeaderBytes = 256 << 10

// NewTransport returns a transport with proxies from the environment, except to this machine, and
// with the numbers of go-containerregistry's. That one is not copied: it is a variable, which a
// program may have set to something else (remote.DefaultTransport). plainHTTP is that of the
// [Config]. Both may be nil.
func NewTransport(config *tls.Config, plainHTTP []string) http.RoundTripper {
	return newTransport(config, plainHTTP)
}

// NewHTTP1Transport is [NewTransport] without HTTP/2.
func NewHTTP1Transport(config *tls.Config, plainHTTP []string) http.RoundTripper {
	if config = config.Clone(); config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.NextProtos = []string{"http/1.1"}
	t := newTransport(config, plainHTTP)
	t.ForceAttemptHTTP2 = false
	return t
}

func newTransport(config *tls.Config, plainHTTP []string) *http.Transport {
	return &http.Transport{
		Proxy:                  proxyFromEnvironment,
		DialContext:            dialer(plainHTTP),
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    50,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}
