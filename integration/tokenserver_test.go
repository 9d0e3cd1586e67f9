package integration

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// tokenName is the default name that leiocitest's token server uses for its registries and itself.
const tokenName = "leiocitest"

func TestABearerTokenGivenDirectlyIsAccepted(t *testing.T) {
	skipIfExternal(t)
	for _, command := range []string{"distribution", "distribution-v2"} {
		t.Run(command, func(t *testing.T) {
			r, tokens := startWithTokens(t, command, nil)
			ctx, repo := t.Context(), r.repository(t)
			bearer := token(t, r, tokens, repo.Scope("pull,push"))
			img, err := leioci.Package(ctx, sampleDir)
			if err != nil {
				t.Fatal(err)
			}
			c := r.client(t, leioci.WithKeychain(authn.NewMultiKeychain()), leioci.WithToken(r.host, bearer))
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

// withTokens starts a server and the token server whose tokens it accepts.
func withTokens(command string) func(testing.TB) *registry {
	return func(t testing.TB) *registry {
		t.Helper()
		r, _ := startWithTokens(t, command, usersOnly)
		return r
	}
}

// usersOnly is a policy that grants a user everything requested, and anyone else nothing.
func usersOnly(user string, requested leiocitest.Access) []string {
	if user == "" {
		return nil
	}
	return requested.Actions
}

// inMemoryWithTokens starts go-containerregistry's registry in this process, behind a token server.
func inMemoryWithTokens(t testing.TB) *registry {
	t.Helper()
	const user, password = "lei", "for tokens"
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{user: password}, Policy: usersOnly})
	s := httptest.NewServer(tokens.Protect(leiocitest.NewHandler()))
	t.Cleanup(s.Close)
	host := strings.Replace(strings.TrimPrefix(s.URL, "http://"), "127.0.0.1", "localhost", 1)
	return &registry{host: host, plainHTTP: true, dockerConfig: writeDockerConfig(t, host, user, password)}
}

// startWithTokens starts a server and its token server. With a nil policy, anyone may read.
func startWithTokens(t testing.TB, command string, policy func(string, leiocitest.Access) []string) (*registry, *leiocitest.TokenServer) {
	t.Helper()
	const user, password = "lei", "for tokens"
	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{user: password}, Policy: policy})
	certs := filepath.Join(t.TempDir(), "certs.pem")
	writeFile(t, tokens.RootCertificatePEM(), certs)
	r := script(command, "--auth", "token", "--token-realm", tokens.Realm(), "--token-service", tokenName,
		"--token-issuer", tokenName, "--token-certs", certs)(t)
	// Use the same host name for both. go-containerregistry refuses a token server at a private IP
	// address. oras also refuses a host name that resolves to one, unless the registry has the same
	// name.
	// https://github.com/google/go-containerregistry/blob/v0.22.1/pkg/v1/remote/transport/bearer.go#L149
	r.host = strings.Replace(r.host, "127.0.0.1", "localhost", 1)
	r.dockerConfig = writeDockerConfig(t, r.host, user, password)
	return r, tokens
}

// token requests a token from the token server.
func token(t testing.TB, r *registry, tokens *leiocitest.TokenServer, scope string) string {
	t.Helper()
	query := url.Values{"service": {tokenName}, "scope": {scope}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tokens.Realm()+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(r.credentials(t))
	resp, err := r.transport(t).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return answer.Token
}

func TestTokensAllowAnonymousReadsAndWritesWithAPassword(t *testing.T) {
	skipIfExternal(t)
	for _, command := range []string{"distribution", "distribution-v2"} {
		t.Run(command, func(t *testing.T) {
			r, tokens := startWithTokens(t, command, nil)
			ctx, repo := t.Context(), r.repository(t)
			img, err := leioci.Package(ctx, sampleDir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.client(t).PushSnapshot(ctx, repo, []string{"latest"}, img); err != nil {
				t.Fatal(err)
			}
			anonymous := r.client(t, leioci.WithKeychain(authn.NewMultiKeychain()))
			if _, err := anonymous.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(t.TempDir(), "out")); err != nil {
				t.Errorf("reading anonymously: %v", err)
			}
			if _, err := anonymous.PushSnapshot(ctx, repo, []string{"other"}, img); !errors.Is(err, leioci.ErrUnauthorized) {
				t.Errorf("writing anonymously: got %v", err)
			}
			wrong := r.client(t, leioci.WithAuth(r.host, &authn.Basic{Username: "lei", Password: "wrong"}))
			if _, err := wrong.PushSnapshot(ctx, repo, []string{"other"}, img); !errors.Is(err, leioci.ErrUnauthorized) {
				t.Errorf("with a wrong password: got %v", err)
			}
			stale := r.client(t, leioci.WithKeychain(leioci.DockerConfigKeychain(writeDockerConfig(t, r.host, "lei", "old"))))
			if _, err := stale.PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(t.TempDir(), "out")); err != nil {
				t.Errorf("reading with a stale password: %v", err)
			}
			down := tokens.On("", "/token", 2, leiocitest.Status(http.StatusServiceUnavailable, ""))
			if _, err := r.client(t).PullSnapshot(ctx, repo.Tag("latest"), filepath.Join(t.TempDir(), "out")); err != nil || down.Hits() != 2 {
				t.Errorf("with a token server that is down for a while: %v after %d failures", err, down.Hits())
			}
		})
	}
}
