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

// answerFactor times the stall timeout is what a registry may take to answer an upload that was sent whole.
const answerFactor = 10

// newChain returns the transports that every request passes, of a handshake too. A request meets the
// guard first and the network last.
func newChain(c Config) guard.Transport {
	var rt http.RoundTripper = stall.Transport{Base: c.Transport, Timeout: c.StallTimeout, Answer: answerFactor * c.StallTimeout}
	rt = wirelog.Transport{Base: rt, Log: c.Log, Redact: Redact}
	rt = retry.Transport{Base: rt}
	rt = limit.Transport{Base: rt, Most: manifest.MaxBytes}
	return guard.Transport{Base: rt, PlainHTTP: c.PlainHTTP, Private: c.PrivateNetworks}
}

// maxHeaderBytes is far more than any registry's answer needs; net/http would take 10 MB.
const maxHeaderBytes = 256 << 10

// NewTransport returns a transport with proxies from the environment, and with the numbers of
// go-containerregistry's. That one is not copied: it is a variable, which a program may have set to
// something else (remote.DefaultTransport). config may be nil.
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
