package leiocitest

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TokenConfig says whom a [TokenServer] gives which tokens. The zero value gives everyone tokens to pull.
type TokenConfig struct {
	// Service is the registry's name for itself, and the audience of the tokens. The default is "leiocitest".
	Service string
	// Issuer is the server's name for itself. The default is "leiocitest".
	Issuer string
	// Users are the passwords by user name.
	Users map[string]string
	// Policy returns the actions that user, "" for anonymous, gets of those it asks for. By default, users get all of
	// them, and anonymous gets pull. What it returns beyond those asked for is dropped.
	Policy func(user string, asked Access) []string
	// Lifetime is that of a token. The default is 5 minutes. With a negative one, tokens have expired when they are
	// issued. CNCF distribution takes them for 60 seconds more, [TokenServer.Protect] does not.
	Lifetime time.Duration
}

// Access is what a token allows or a scope asks for: actions such as pull and push on a resource such as the repository
// org/lei-cache.
type Access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// TokenRequest is a request for a token that a [TokenServer] has answered.
type TokenRequest struct {
	// Grant is "anonymous" or "basic" for a GET, and "password" or "refresh_token" for a POST.
	Grant string
	// User is who asked, or claimed to be who asked; "" for anonymous and for a refresh token that nobody has.
	User string
	// Scopes are those that were asked for, as they were written.
	Scopes []string
	// Granted is what the token allows.
	Granted []Access
	// Status is that of the answer.
	Status int
}

// A TokenServer issues the tokens with which registries authenticate their clients, by the [token specification] (GET) and
// its [OAuth2] form (POST with grant_type password or refresh_token). They are JSON web tokens, signed with a key that is
// made for the server; CNCF distribution verifies them with this configuration:
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
	registry *Registry // for its faults; there is none behind it

	mu       sync.Mutex
	requests []TokenRequest
	refresh  map[string]string // users by refresh token
	valid    map[string]bool   // the identifiers of the tokens that Protect takes
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
		config.Policy = usersAllAnonymousPull
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

func usersAllAnonymousPull(user string, asked Access) []string {
	if user == "" {
		return []string{"pull"}
	}
	return asked.Actions
}

// Realm returns the URL at which tokens are had. It names localhost, because go-containerregistry refuses a realm whose
// host is a loopback address, unless the registry is there too.
func (s *TokenServer) Realm() string {
	_, port, _ := strings.Cut(s.registry.Host(), ":")
	return "http://localhost:" + port + "/token"
}

// RootCertificatePEM returns the certificate with which the tokens are verified.
func (s *TokenServer) RootCertificatePEM() []byte { return s.signer.certificatePEM() }

// On injects a fault as [Registry.On] does. Those who ask for tokens use the path /token.
func (s *TokenServer) On(method, path string, times int, fault Fault) *Injection {
	return s.registry.On(method, path, times, fault)
}

// Requests returns the requests for tokens so far, without those that a fault has answered.
func (s *TokenServer) Requests() []TokenRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]TokenRequest(nil), s.requests...)
}

// Expire ends the tokens issued so far: [TokenServer.Protect] takes them no longer. Refresh tokens stay valid.
func (s *TokenServer) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.valid)
}

// RefreshToken returns a refresh token for a user: what docker's configuration and credential helpers call an
// identity token.
func (s *TokenServer) RefreshToken(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := rand.Text()
	s.refresh[token] = user
	return token
}
