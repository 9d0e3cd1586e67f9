package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// transport returns what requests to the registry are sent through: proxies come from the environment.
func (c *config) transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if c.caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.caFile)
	if err != nil {
		return nil, fmt.Errorf("-ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("-ca-file: the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca-file: %s holds no certificate in PEM", c.caFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// client returns a client that tells st when the registry was asked.
func (c *config) client(base http.RoundTripper, st *status, log logrus.FieldLogger) (*leioci.Client, error) {
	registry := c.ref.Context().RegistryStr()
	opts := []leioci.Option{
		leioci.WithTransport(noticing{base, st}), leioci.WithLogger(log), leioci.WithUserAgent("lei-watch"),
	}
	if c.plainHTTP {
		opts = append(opts, leioci.WithPlainHTTP(registry))
	}
	if c.token != "" {
		opts = append(opts, leioci.WithToken(registry, c.token))
	}
	return leioci.New(opts...)
}

// noticing is a transport that notices when the registry says which snapshot a reference names. A look that finds no
// change is not reported by Watch; that somebody still looks is what an operator wants to see.
type noticing struct {
	base   http.RoundTripper
	status *status
}

// RoundTrip implements [http.RoundTripper].
func (n noticing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := n.base.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(req.URL.Path, "/manifests/") {
		n.status.checkedAt(time.Now())
	}
	return resp, err
}
