package leioci

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// TLS says how registries are to be known, and how they know the client, beyond what the system has.
type TLS struct {
	// RootCAs are the certificates of further authorities, in PEM. They are added to the system's.
	RootCAs []byte
	// Certificates are the client's own, for registries that ask for one ([tls.LoadX509KeyPair]).
	Certificates []tls.Certificate
	// InsecureSkipVerify takes any certificate. Whoever is on the way can then read the credentials and change what
	// is not asked for by digest; [New] logs a warning. A private authority belongs into RootCAs.
	InsecureSkipVerify bool
}

// WithTLS sets what TLS needs beyond the system's authorities. It is an error together with [WithTransport], which has
// its own.
func WithTLS(t TLS) Option {
	return func(o *options) error {
		config := &tls.Config{Certificates: t.Certificates, InsecureSkipVerify: t.InsecureSkipVerify}
		if t.RootCAs != nil {
			pool, err := x509.SystemCertPool()
			if err != nil {
				return fmt.Errorf("TLS: the system's certificate authorities: %w", err)
			}
			if !pool.AppendCertsFromPEM(t.RootCAs) {
				return errors.New("TLS: the root CAs hold no certificate in PEM")
			}
			config.RootCAs = pool
		}
		o.tls = config
		return nil
	}
}
