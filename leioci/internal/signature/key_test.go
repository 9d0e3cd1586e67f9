package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/signature"
)

// claim is the payload that cosign's specification of simple signing asks for.
var claim = fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"registry.test/lei"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, signed)

func publicPEM(t testing.TB, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestEveryAlgorithmThatCosignSignsWithIsVerified(t *testing.T) {
	sign := func(key crypto.Signer, message []byte, opts crypto.SignerOpts) []byte {
		t.Helper()
		sig, err := key.Sign(rand.Reader, message, opts)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, p384, p521 := curve(elliptic.P256()), curve(elliptic.P384()), curve(elliptic.P521())
	s256, s384, s512 := sha256.Sum256(claim), sha512.Sum384(claim), sha512.Sum512(claim)
	pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	for name, tc := range map[string]struct {
		key crypto.Signer
		sig []byte
	}{
		"P-256":                   {p256, sign(p256, s256[:], crypto.SHA256)},
		"P-384":                   {p384, sign(p384, s384[:], crypto.SHA384)},
		"P-384 with SHA-256":      {p384, sign(p384, s256[:], crypto.SHA256)},
		"P-521":                   {p521, sign(p521, s512[:], crypto.SHA512)},
		"P-521 with SHA-256":      {p521, sign(p521, s256[:], crypto.SHA256)},
		"RSA, PKCS #1 v1.5":       {rsaKey, sign(rsaKey, s256[:], crypto.SHA256)},
		"RSA, PSS":                {rsaKey, sign(rsaKey, s256[:], pss)},
		"Ed25519":                 {ed, sign(ed, claim, crypto.Hash(0))},
		"Ed25519, hashed earlier": {ed, sign(ed, s512[:], crypto.SHA512)},
	} {
		keys, err := signature.ParseKeys(publicPEM(t, tc.key.Public()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		read := func(sig []byte) bool {
			s, err := signature.FromSimpleSigning(claim, base64.StdEncoding.EncodeToString(sig), signed)
			return err == nil && s.By(keys[0])
		}
		if !read(tc.sig) {
			t.Errorf("%s: its signature is refused", name)
		}
		for i := range tc.sig {
			forged := append([]byte{}, tc.sig...)
			forged[i] ^= 1
			if read(forged) {
				t.Errorf("%s: it is taken with byte %d changed", name, i)
			}
		}
		if read(tc.sig[:len(tc.sig)-1]) || read(nil) {
			t.Errorf("%s: it is taken when it is cut", name)
		}
	}
}

func TestWhatIsNoPublicKeyIsRefused(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := string(publicPEM(t, p256.Public()))
	private, err := x509.MarshalPKCS8PrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":                                         "",
		"no PEM":                                          "key",
		"DER":                                             "\x30\x59\x30\x13",
		"a private key":                                   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"cosign's private key":                            string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: []byte("{}")})),
		"a certificate":                                   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private})),
		"garbage in a block":                              string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})),
		"an RSA key of 1024 bits":                         string(publicPEM(t, small.Public())),
		"a curve that is not used":                        string(publicPEM(t, p224.Public())),
		"a good key, and a cut one":                       good + good[:len(good)-30],
		"a good key, and a private":                       good + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})),
		"a block that begins only":                        "-----BEGIN PUBLIC KEY-----\n",
		"a key whose body was damaged":                    strings.Replace(good, "M", "!", 1),
		"a cut key between good ones":                     good + good[:len(good)-30] + "\n" + good,
		"a damaged key before a good":                     strings.Replace(good, "M", "!", 1) + good,
		"an indented key before a good":                   " " + good + good,
		"a good key, and one that lost its first dash":    good + good[1:],
		"a good key, and one that lost a dash at its end": good + strings.Replace(good, "-----END", "----END", 1) + good,
	} {
		if keys, err := signature.ParseKeys([]byte(text)); err == nil {
			t.Errorf("%s: got %d keys", name, len(keys))
		}
	}
	for name, text := range map[string]string{
		"one":                    good,
		"with Windows' lines":    strings.ReplaceAll(good, "\n", "\r\n"),
		"with a byte order mark": "\ufeff" + good,
		"with text around it":    "# the publisher's\n" + good + "# end\n",
	} {
		if keys, err := signature.ParseKeys([]byte(text)); err != nil || len(keys) != 1 {
			t.Errorf("%s: got %d keys, %v", name, len(keys), err)
		}
	}
	if keys, err := signature.ParseKeys([]byte(good + good)); err != nil || len(keys) != 2 {
		t.Errorf("two keys: got %d, %v", len(keys), err)
	}
}
