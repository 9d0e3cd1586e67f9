package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	minRSABits = 2048
	maxRSABits = 16384 // what crypto/tls verifies at most is 8192; cosign makes 4096
)

// A Key is a public key: ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more.
type Key struct {
	public crypto.PublicKey
	sum    [sha256.Size]byte // of its PKIX form
}

// ID is the SHA-256 digest of the key's PKIX form, in hexadecimal.
func (k Key) ID() string { return hex.EncodeToString(k.sum[:]) }

// Hint is the same in base64, as a sigstore bundle names the key that made it.
func (k Key) Hint() string { return base64.StdEncoding.EncodeToString(k.sum[:]) }

// ParseKeys reads the public keys in PEM text, of which there must be one or more. Text between them
// is ignored, but a block of another type is an error, so that no key is left out unseen.
func ParseKeys(text []byte) ([]Key, error) {
	var keys []Key
	rest := bytes.TrimPrefix(text, []byte("\ufeff"))
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		k, err := parseKey(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	// Package pem skips a block that is damaged, wherever it is.
	lines := max(bytes.Count(text, []byte("---BEGIN ")), bytes.Count(text, []byte("---END ")))
	switch {
	case lines > len(keys):
		return nil, errors.New("a PEM block that is not whole")
	case len(keys) == 0:
		return nil, errors.New("no PEM block; a public key begins with -----BEGIN PUBLIC KEY-----")
	}
	return keys, nil
}

func parseKey(block *pem.Block) (Key, error) {
	var public any
	var err error
	switch {
	case block.Type == "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return Key{}, errors.New("a private key; the public one is needed")
	default:
		return Key{}, fmt.Errorf("a PEM block of type %.40q is not a public key", block.Type)
	}
	if err != nil {
		return Key{}, err
	}
	return newKey(public)
}

func newKey(public any) (Key, error) {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		if len(hashesOf(p)) == 0 {
			return Key{}, fmt.Errorf("an ECDSA key on %s; P-256, P-384 and P-521 are supported", p.Params().Name)
		}
	case *rsa.PublicKey:
		if n := p.N.BitLen(); n < minRSABits || n > maxRSABits {
			return Key{}, fmt.Errorf("an RSA key of %d bits; it must have from %d to %d", n, minRSABits, maxRSABits)
		}
	case ed25519.PublicKey:
	default:
		return Key{}, fmt.Errorf("a key of type %T is not supported", public)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	return Key{public, sha256.Sum256(der)}, err
}

// hashesOf returns the hashes that cosign uses with a curve: SHA-256 with every one, unless it was
// told to use the one that is as strong as the curve.
func hashesOf(p *ecdsa.PublicKey) []crypto.Hash {
	switch p.Params().BitSize {
	case 256:
		return []crypto.Hash{crypto.SHA256}
	case 384:
		return []crypto.Hash{crypto.SHA256, crypto.SHA384}
	case 521:
		return []crypto.Hash{crypto.SHA256, crypto.SHA512}
	}
	return nil
}

// verifies reports whether sig is the key's signature over message. For RSA and Ed25519, cosign
// makes one of two forms, depending on its version and on what it was told.
func (k Key) verifies(message, sig []byte) bool {
	switch p := k.public.(type) {
	case *ecdsa.PublicKey:
		for _, h := range hashesOf(p) {
			if ecdsa.VerifyASN1(p, sum(h, message), sig) {
				return true
			}
		}
	case *rsa.PublicKey:
		digest := sum(crypto.SHA256, message)
		return rsa.VerifyPKCS1v15(p, crypto.SHA256, digest, sig) == nil || rsa.VerifyPSS(p, crypto.SHA256, digest, sig, nil) == nil
	case ed25519.PublicKey:
		ph := &ed25519.Options{Hash: crypto.SHA512}
		return ed25519.Verify(p, message, sig) || ed25519.VerifyWithOptions(p, sum(crypto.SHA512, message), sig, ph) == nil
	}
	return false
}

func sum(h crypto.Hash, message []byte) []byte {
	switch h {
	case crypto.SHA384:
		s := sha512.Sum384(message)
		return s[:]
	case crypto.SHA512:
		s := sha512.Sum512(message)
		return s[:]
	default:
		s := sha256.Sum256(message)
		return s[:]
	}
}
