package leioci

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// TLS configures how the client and registries authenticate each other, in addition to the system's
// certificate authorities.
type TLS struct {
	// RootCAs are certificates of additional authorities, in PEM. They are added to the system's.
	// Text around them, byte order marks and any line endings are ignored, and so are other PEM
	// blocks. A certificate that cannot be parsed is an error: without it, registries would be
	// refused later, and nothing would say why.
	RootCAs []byte
	// Certificates are client certificates ([tls.LoadX509KeyPair]). They are for every server that
	// requests one: a registry, its token server, or a storage that it redirects to.
	Certificates []tls.Certificate
	// InsecureSkipVerify accepts any certificate. Anyone on the network path can then read the
	// credentials and change content that is not requested by digest; [New] logs a warning. For a
	// private authority, use RootCAs instead.
	InsecureSkipVerify bool
}

// WithTLS configures TLS. It implies https for every registry that [WithPlainHTTP] does not name: a
// registry that does not respond over https is not tried over http, wherever it is. It cannot be
// combined with [WithTransport], which has its own configuration.
func WithTLS(t TLS) Option {
	return option(func(o *options) error {
		for i, c := range t.Certificates {
			if err := checkCertificate(c); err != nil {
				return fmt.Errorf("TLS: certificate %d: %w", i+1, err)
			}
		}
		config := &tls.Config{Certificates: t.Certificates, InsecureSkipVerify: t.InsecureSkipVerify}
		if t.RootCAs != nil {
			pool, err := x509.SystemCertPool()
			if err != nil {
				return fmt.Errorf("TLS: load the system's certificate authorities: %w", err)
			}
			authorities, err := parseCertificates(t.RootCAs)
			if err != nil {
				return fmt.Errorf("TLS: root CAs: %w", err)
			}
			for _, c := range authorities {
				pool.AddCert(c)
			}
			config.RootCAs = pool
		}
		o.tls = config
		return nil
	})
}

// parseCertificates parses the certificates in a PEM file. Package pem skips what it does not
// understand, and wants each boundary at the beginning of a line. A file that an editor has saved,
// or that was concatenated from files without a last newline, has some elsewhere.
func parseCertificates(file []byte) ([]*x509.Certificate, error) {
	text := bytes.ReplaceAll(file, []byte("\r"), []byte("\n"))
	for _, boundary := range []string{"-----BEGIN ", "-----END "} {
		text = bytes.ReplaceAll(text, []byte(boundary), []byte("\n"+boundary))
	}
	var found []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w; repair or remove it", len(found)+1, err)
		}
		found = append(found, c)
	}
	switch n := bytes.Count(text, []byte("-----BEGIN CERTIFICATE-----")); {
	case n == 0:
		return nil, errors.New("no certificate in PEM")
	case n != len(found):
		return nil, fmt.Errorf("%d certificates, of which %d are damaged; repair or remove them", n, n-len(found))
	}
	return found, nil
}

// checkCertificate returns an error if c cannot be shown to a registry. Otherwise, the first
// connection would fail, or go on without a certificate.
func checkCertificate(c tls.Certificate) error {
	if len(c.Certificate) == 0 {
		return errors.New("empty; want one from tls.LoadX509KeyPair")
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return err
	}
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok || registry.IsNil(key) {
		return errors.New("no private key that can sign")
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if ok && !public.Equal(key.Public()) {
		return errors.New("the private key does not belong to the certificate")
	}
	return nil
}
