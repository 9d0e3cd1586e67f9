package leioci

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// TLS configures how the client and registries authenticate each other, in addition to the system's
// certificate authorities.
type TLS struct {
	// RootCAs are certificates of additional authorities, in PEM. They are added to the system's.
	RootCAs []byte
	// Certificates are client certificates, for registries that request one
	// ([tls.LoadX509KeyPair]).
	Certificates []tls.Certificate
	// InsecureSkipVerify accepts any certificate. Anyone on the network path can then read the
	// credentials and change content that is not requested by digest; [New] logs a warning. For a
	// private authority, use RootCAs instead.
	InsecureSkipVerify bool
}

// WithTLS configures TLS. It cannot be combined with [WithTransport], which has its own
// configuration.
func WithTLS(t TLS) Option {
	return func(o *options) error {
		config := &tls.Config{Certificates: t.Certificates, InsecureSkipVerify: t.InsecureSkipVerify}
		if t.RootCAs != nil {
			pool, err := x509.SystemCertPool()
			if err != nil {
				return fmt.Errorf("TLS: load the system's certificate authorities: %w", err)
			}
			if !pool.AppendCertsFromPEM(t.RootCAs) {
				return errors.New("TLS: RootCAs contain no PEM certificate")
			}
			config.RootCAs = pool
		}
		o.tls = config
		return nil
	}
}
