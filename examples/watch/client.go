package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
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
	file, err := os.ReadFile(c.caFile)
	if err != nil {
		return nil, fmt.Errorf("-ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("-ca-file: load the system's certificate authorities: %w", err)
	}
	if err := addAuthorities(pool, file); err != nil {
		return nil, fmt.Errorf("-ca-file %s: %w", c.caFile, err)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// addAuthorities adds all certificates in a PEM file to pool. x509's AppendCertsFromPEM is content
// with one of them, and then nothing says why a registry is refused.
func addAuthorities(pool *x509.CertPool, file []byte) error {
	found := 0
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("certificate %d: %w", found+1, err)
		}
		pool.AddCert(certificate)
		found++
	}
	switch n := bytes.Count(file, []byte("-----BEGIN CERTIFICATE-----")); {
	case n == 0:
		return errors.New("no PEM certificate")
	case n != found:
		return fmt.Errorf("%d of %d certificates cannot be read; does each begin on a line of its own?", n-found, n)
	}
	return nil
}

// client returns a client that sends its requests through base.
func (c *config) client(base http.RoundTripper, log logrus.FieldLogger) (*leioci.Client, error) {
	registry := c.ref.Context().RegistryStr()
	opts := []leioci.Option{
		leioci.WithTransport(base), leioci.WithLogger(log), leioci.WithUserAgent("lei-watch"),
	}
	if c.policy != nil {
		opts = append(opts, leioci.WithPolicy(c.policy))
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
