package leiocitest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"time"
)

// claims are the claims of a token, as in the [token specification]. The audience is a single
// string, as in distribution 2.
//
// [token specification]: https://distribution.github.io/distribution/spec/auth/jwt/
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"` // Unix time, as are the others
	NotBefore int64    `json:"nbf"`
	Issued    int64    `json:"iat"`
	ID        string   `json:"jti"`
	Access    []Access `json:"access"`
}

// signer signs JSON web tokens (RFC 7519) with ES256 (RFC 7518), and verifies the ones it signed.
type signer struct {
	key         *ecdsa.PrivateKey
	certificate []byte // DER, self-signed
}

// newSigner makes a key and a certificate that outlives any test.
func newSigner(now time.Time) (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "leiocitest token server"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &signer{key, certificate}, nil
}

func (s *signer) certificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate})
}

// sign returns a token. Its header contains the certificate, which a registry looks up among its
// root certificates.
func (s *signer) sign(c claims) (string, error) {
	header, err := encode(map[string]any{
		"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(s.certificate)},
	})
	if err != nil {
		return "", err
	}
	payload, err := encode(c)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(header + "." + payload))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64) // r and s, 32 bytes each
	r.FillBytes(signature[:32])
	t.FillBytes(signature[32:])
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// verify returns the claims of a token signed by this signer.
func (s *signer) verify(token string) (claims, error) {
	end := strings.LastIndex(token, ".")
	_, payload, ok := strings.Cut(token[:max(end, 0)], ".")
	if !ok {
		return claims{}, errors.New("malformed token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil || len(signature) != 64 {
		return claims{}, errors.New("malformed signature")
	}
	digest := sha256.Sum256([]byte(token[:end]))
	r, t := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(&s.key.PublicKey, digest[:], r, t) {
		return claims{}, errors.New("wrong signature")
	}
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return claims{}, err
	}
	var c claims
	return c, json.Unmarshal(data, &c)
}

// encode returns part as JSON in base64url.
func encode(part any) (string, error) {
	data, err := json.Marshal(part)
	return base64.RawURLEncoding.EncodeToString(data), err
}
