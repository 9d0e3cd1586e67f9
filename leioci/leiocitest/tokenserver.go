package leiocitest

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TokenConfig says which tokens a [TokenServer] issues, and to whom. With the zero value, everyone
// gets tokens to pull.
type TokenConfig struct {
	// Service is the registry's name for itself, and the audience of the tokens. The default is
	// "leiocitest".
	Service string
	// Issuer is the server's name for itself. The default is "leiocitest".
	Issuer string
	// Users maps user names to passwords.
	Users map[string]string
	// Policy returns which of the requested actions user gets; user is "" for anonymous. By
	// default, users get all of them, and anonymous gets pull. Actions that were not requested are
	// dropped.
	Policy func(user string, requested Access) []string
	// Lifetime is how long a token is valid. The default is 5 minutes. If it is negative, tokens
	// have expired when they are issued. CNCF distribution accepts an expired token for another 60
	// seconds, [TokenServer.Protect] does not.
	Lifetime time.Duration
	// RotateRefreshTokens makes a refresh token valid once: the response to a request with one
	// contains the next.
	RotateRefreshTokens bool
}

// Access is what a token allows or a scope requests: actions such as pull and push on a resource
// such as the repository org/lei-cache.
type Access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// TokenRequest is a token request that a [TokenServer] has answered.
type TokenRequest struct {
	// Grant is "anonymous" or "basic" for a GET, and "password" or "refresh_token" for a POST.
	Grant string
	// User is the user who asked, or who the client claimed to be. It is "" for anonymous and for
	// an unknown refresh token.
	User string
	// Scopes are the requested scopes, as sent.
	Scopes []string
	// Granted is what the token allows.
	Granted []Access
	// Status is the HTTP status of the response.
	Status int
}

// A TokenServer issues the tokens with which registries authenticate their clients, as in the
// [token specification] (GET) and its [OAuth2] form (POST with grant_type password or
// refresh_token). They are JSON web tokens, signed with the server's own key. CNCF distribution
// verifies them with this configuration:
//
//	auth:
//	  token:
//	    realm: <Realm()>
//	    service: leiocitest
//	    issuer: leiocitest
//	    rootcertbundle: <a file with RootCertificatePEM()>
//
// Its methods are safe for concurrent use.
//
// [token specification]: https://distribution.github.io/distribution/spec/auth/token/
// [OAuth2]: https://distribution.github.io/distribution/spec/auth/oauth/
type TokenServer struct {
	config   TokenConfig
	signer   *signer
	registry *Registry // for its faults only

	mu       sync.Mutex
	requests []TokenRequest
	refresh  map[string]string // from refresh token to user
	valid    map[string]bool   // IDs of the tokens that Protect accepts
}

// NewTokenServer starts a token server on a loopback address. It stops when the test ends.
func NewTokenServer(t testing.TB, config TokenConfig) *TokenServer {
	t.Helper()
	if config.Service == "" {
		config.Service = "leiocitest"
	}
	if config.Issuer == "" {
		config.Issuer = "leiocitest"
	}
	if config.Lifetime == 0 {
		config.Lifetime = 5 * time.Minute
	}
	if config.Policy == nil {
		config.Policy = defaultPolicy
	}
	signer, err := newSigner(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := &TokenServer{config: config, signer: signer, refresh: map[string]string{}, valid: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token", s.get)
	mux.HandleFunc("POST /token", s.post)
	s.registry = Serve(t, mux)
	return s
}

func defaultPolicy(user string, requested Access) []string {
	if user == "" {
		return []string{"pull"}
	}
	return requested.Actions
}

// Realm returns the URL to get tokens from. It names localhost, because go-containerregistry
// refuses a realm on a loopback address unless the registry is there too.
func (s *TokenServer) Realm() string {
	_, port, _ := strings.Cut(s.registry.Host(), ":")
	return "http://localhost:" + port + "/token"
}

// RootCertificatePEM returns the certificate that verifies the tokens.
func (s *TokenServer) RootCertificatePEM() []byte { return s.signer.certificatePEM() }

// On injects a fault, as [Registry.On] does. Token requests use the path /token.
func (s *TokenServer) On(method, path string, times int, fault Fault) *Injection {
	return s.registry.On(method, path, times, fault)
}

// Requests returns the token requests so far, except those that a fault has answered.
func (s *TokenServer) Requests() []TokenRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]TokenRequest(nil), s.requests...)
}

// Expire ends the tokens issued so far: [TokenServer.Protect] no longer accepts them. Refresh
// tokens stay valid.
func (s *TokenServer) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.valid)
}

// RefreshToken returns a refresh token for a user. Docker's configuration and credential helpers
// call it an identity token.
func (s *TokenServer) RefreshToken(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := rand.Text()
	s.refresh[token] = user
	return token
}
