package registry

import (
	"crypto/tls"
	"net"
	"net/http"
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
func newChain(c Config) guard.Transport {
	var rt http.RoundTripper = stall.Transport{Base: c.Transport, Timeout: c.StallTimeout, Answer: answerFactor * c.StallTimeout}
	rt = wirelog.Transport{Base: rt, Log: c.Log, Redact: Redact}
	rt = retry.Transport{Base: rt}
	rt = limit.Transport{Base: rt, Most: manifest.MaxBytes}
	return guard.Transport{Base: rt, PlainHTTP: c.PlainHTTP, Private: c.PrivateNetworks}
}

// maxHeaderBytes is far more than any registry's response needs; net/http would accept 10 MB.
const maxHeaderBytes = 256 << 10

// NewTransport returns a transport that takes proxies from the environment and uses
// go-containerregistry's settings. It does not copy remote.DefaultTransport, because that is a
// variable a program may have changed. config may be nil.
func NewTransport(config *tls.Config) http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
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
