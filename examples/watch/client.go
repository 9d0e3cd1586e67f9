package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// transport returns the transport for requests to the registry. Proxies come from the environment.
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
		return nil, fmt.Errorf("-ca-file: load the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca-file: no PEM certificate in %s", c.caFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// client returns a client that sends its requests through base.
func (c *config) client(base http.RoundTripper, log logrus.FieldLogger) (*leioci.Client, error) {
	registry := c.ref.Context().RegistryStr()
	opts := []leioci.Option{
		leioci.WithTransport(base), leioci.WithLogger(log), leioci.WithUserAgent("lei-watch"),
	}
	if c.plainHTTP {
		opts = append(opts, leioci.WithPlainHTTP(registry))
	}
	if c.token != "" {
		withToken := leioci.WithToken(registry, c.token)
		if _, err := leioci.New(withToken); err != nil {
			return nil, fmt.Errorf("LEI_REGISTRY_TOKEN: %w", err)
		}
		opts = append(opts, withToken)
	}
	return leioci.New(opts...)
}
