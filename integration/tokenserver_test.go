package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
)

// The names by which the token server and its registries know each other.
const (
	tokenService = "leioci-test-registry"
	tokenIssuer  = "leioci-test-issuer"
)

func TestABearerTokenGivenByItselfIsTaken(t *testing.T) {
	notForeign(t)
	for _, command := range []string{"distribution", "distribution-v2"} {
		t.Run(command, func(t *testing.T) {
			r, tokens := startWithTokens(t, command)
			ctx, repo := t.Context(), r.repository(t)
			token, err := tokens.token(tokenService, []string{repo.Scope("pull,push")})
			if err != nil {
				t.Fatal(err)
			}
			img, err := leioci.Package(ctx, sampleDir)
			if err != nil {
				t.Fatal(err)
			}
			c := r.client(t, leioci.WithKeychain(authn.NewMultiKeychain()), leioci.WithToken(r.host, token))
			digest, err := c.PushSnapshot(ctx, repo, []string{"2026-02-08", "latest"}, img)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			if res, err := c.PullSnapshot(ctx, repo.Tag("latest"), out); err != nil || res.Ref != digest {
				t.Errorf("%+v, %v, want %s", res, err, digest)
			}
		})
	}
}

// withTokens starts a server that takes the tokens of a token server, which it starts too.
func withTokens(command string) func(testing.TB) *registry {
	return func(t testing.TB) *registry {
		t.Helper()
		r, _ := startWithTokens(t, command)
		return r
	}
}

func startWithTokens(t testing.TB, command string) (*registry, *tokenServer) {
	t.Helper()
	const user, password = "lei", "for tokens"
	tokens := newTokenServer(t, user, password)
	certs := filepath.Join(t.TempDir(), "certs.pem")
	writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tokens.certificate}), certs)
	s := httptest.NewServer(tokens)
	t.Cleanup(s.Close)
	// Both by one name: go-containerregistry refuses a token server at a private address, and oras one at a name that
	// resolves to such an address, unless the registry is there too.
	// https://github.com/google/go-containerregistry/blob/v0.22.1/pkg/v1/remote/transport/bearer.go#L149
	byName := func(s string) string { return strings.Replace(s, "127.0.0.1", "localhost", 1) }
	r := script(command, "--auth", "token", "--token-realm", byName(s.URL)+"/token", "--token-service", tokenService,
		"--token-issuer", tokenIssuer, "--token-certs", certs)(t)
	r.host = byName(r.host)
	r.dockerConfig = writeDockerConfig(t, r.host, user, password)
	return r, tokens
}

// tokenServer gives one user tokens for all that is asked, and nobody else any, by the distribution project's token
// specification: https://distribution.github.io/distribution/spec/auth/token/
type tokenServer struct {
	user, password string
	key            *ecdsa.PrivateKey
	certificate    []byte // DER
}

func newTokenServer(t testing.TB, user, password string) *tokenServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tokenServer{user: user, password: password, key: key, certificate: certificate}
}

// ServeHTTP answers a GET with basic authentication, and the POST of OAuth 2.0 with a password.
func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, ok := r.BasicAuth()
	if !ok {
		user, password = r.PostFormValue("username"), r.PostFormValue("password")
	}
	if user != s.user || password != s.password {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"wrong user or password"}]}`))
		return
	}
	token, err := s.token(r.FormValue("service"), strings.Fields(strings.Join(r.Form["scope"], " ")))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "access_token": token, "expires_in": 300}) // or the client has gone
}

// token makes a JSON Web Token, signed by ES256 (RFC 7515, 7518 and 7519).
func (s *tokenServer) token(service string, scopes []string) (string, error) {
	type access struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	granted := []access{}
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		repository, actions, _ := strings.Cut(rest, ":")
		granted = append(granted, access{kind, repository, strings.Split(actions, ",")})
	}
	now := time.Now()
	header, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": [][]byte{s.certificate}})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": tokenIssuer, "sub": s.user, "aud": service, "access": granted, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
	if err != nil {
		return "", err
	}
	unsigned := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	hash := sha256.Sum256([]byte(unsigned))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, hash[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	t.FillBytes(signature[32:])
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
