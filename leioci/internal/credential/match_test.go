package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// repository parses a repository the way a client does.
func repository(t testing.TB, s string) authn.Resource {
	t.Helper()
	repo, err := leioci.ParseRepository(s)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// auths returns a configuration with an entry for each key.
func auths(t testing.TB, keys ...string) string {
	t.Helper()
	entries := map[string]map[string]string{}
	for _, key := range keys {
		user := "user of " + strings.ReplaceAll(key, ":", ";") // the first colon ends it
		entries[key] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":s3cret"))}
	}
	data, err := json.Marshal(map[string]any{"auths": entries})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// write writes a file below dir and returns its path.
func write(t testing.TB, dir, path, content string) string {
	t.Helper()
	path = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environ returns options with this environment.
func environ(env ...string) credential.Options {
	return credential.Options{Environ: func() []string { return env }, RunDir: os.DevNull}
}

// source resolves target, checks the credentials, and returns their source. Its Key is empty for
// anonymous access.
func source(t testing.TB, k *credential.Keychain, target authn.Resource) credential.Source {
	t.Helper()
	auth, err := k.ResolveContext(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if auth == authn.Anonymous {
		return credential.Source{}
	}
	found := auth.(credential.Sourced)
	config, err := found.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	if config.Username != found.Source().Username || config.Password != "s3cret" {
		t.Errorf("got %+v from %s", config, found.Source())
	}
	return found.Source()
}

func TestTheMostSpecificEntryIsAlwaysUsed(t *testing.T) {
	const hub = "https://index.docker.io/v1/"
	for name, tc := range map[string]struct {
		target, want string
		keys         []string
	}{
		"the repository":              {"ghcr.io/org/repo", "ghcr.io/org/repo", []string{"ghcr.io", "ghcr.io/org", "ghcr.io/org/repo"}},
		"a path above it":             {"ghcr.io/org/repo", "ghcr.io/org", []string{"ghcr.io", "ghcr.io/org", "ghcr.io/org/other"}},
		"the registry":                {"ghcr.io/org/repo", "ghcr.io", []string{"ghcr.io", "ghcr.io/or", "ghcr.io/org/re", "ghcr.io/other"}},
		"its own of two paths":        {"ghcr.io/b/repo", "ghcr.io/b", []string{"ghcr.io/a", "ghcr.io/b"}},
		"none of another path":        {"ghcr.io/c/repo", "", []string{"ghcr.io/a", "ghcr.io/b"}},
		"none of another registry":    {"ghcr.io/a/repo", "", []string{"cr.io", "xghcr.io", "ghcr.io.evil.example", "ghcr.io:443", "https://evil.example/ghcr.io"}},
		"with a port":                 {"localhost:5000/a/b", "localhost:5000", []string{"localhost", "localhost:500", "localhost:5000"}},
		"any case of the host":        {"GHCR.io/org/repo", "ghcr.IO", []string{"ghcr.IO", "ghcr.io/Org"}},
		"a URL":                       {"quay.io/a/b", "https://quay.io", []string{"https://quay.io"}},
		"a URL of the old API":        {"quay.io/a/b", "https://quay.io/v1/", []string{"https://quay.io/v1/"}},
		"a URL of the API, no slash":  {"quay.io/a/b", "https://quay.io/v2", []string{"https://quay.io/v2"}},
		"a URL over http":             {"quay.io:5000/a/b", "http://quay.io:5000/v2/", []string{"http://quay.io:5000/v2/"}},
		"a URL with a path":           {"quay.io/a/b", "https://quay.io/a", []string{"https://quay.io/a", "https://quay.io/c", "quay.io"}},
		"a slash":                     {"quay.io/a/b", "quay.io/", []string{"quay.io/"}},
		"the API without a scheme":    {"quay.io/a/b", "quay.io/v1/", []string{"quay.io/v1/"}},
		"a namespace called v2":       {"quay.io/v2/b", "quay.io/v2", []string{"quay.io", "quay.io/v2"}},
		"not the namespace called v2": {"quay.io/a/b", "", []string{"quay.io/v2"}},
		"docker's own spelling":       {"quay.io/a/b", "quay.io", []string{"http://quay.io", "https://quay.io/v1/", "quay.io", "quay.io/"}},
		"the first of other two":      {"quay.io/a/b", "http://quay.io", []string{"https://quay.io", "http://quay.io"}},
		"Docker Hub":                  {"docker.io/org/repo", hub, []string{hub, "docker.io", "index.docker.io"}},
		"Docker Hub, by docker.io":    {"index.docker.io/org/repo", "docker.io", []string{"docker.io"}},
		"Docker Hub, by its API":      {"docker.io/org/repo", "registry-1.docker.io", []string{"registry-1.docker.io"}},
		"Docker Hub, by its index":    {"docker.io/org/repo", "index.docker.io/v1/", []string{"index.docker.io/v1/"}},
		"Docker Hub, a path":          {"docker.io/org/repo", "docker.io/org", []string{hub, "docker.io/org"}},
		"not docker's login tokens":   {"docker.io/org/repo", "", []string{hub + "access-token", hub + "refresh-token"}},
		"an address":                  {"[::1]:5000/a/b", "http://[::1]:5000/v2/", []string{"http://[::1]:5000/v2/"}},
		"an address in brackets":      {"[::1]/a/b", "[::1]", []string{"[::1]", "::1", "http://[::1]"}},
		"an address in a URL":         {"[::1]/a/b", "http://[::1]/v1/", []string{"http://[::1]/v1/"}},
		"another port of an address":  {"[::1]:5000/a/b", "", []string{"[::1]", "[::1]:500", "http://[::1]:50"}},
		"its own port":                {"ghcr.io:443/a/b", "GHCR.io:443", []string{"ghcr.io", "GHCR.io:443"}},
		"slashes":                     {"ghcr.io/a/b", "ghcr.io//a//", []string{"ghcr.io//a//", "ghcr.io"}},
		"weird keys":                  {"ghcr.io/a/b", "", []string{"://", "://ghcr.io@", "ghcr.io@evil.example", "https://ghcr.io@evil.example", "https://ghcr.io:x@evil.example", " ghcr.io", "ghcr.io\x00", "*", "*.io", "[ghcr.io]", "https://[ghcr.io"}},
		"nothing":                     {"ghcr.io/a/b", "", []string{"", "/", "https://", "https:///v1/"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, t.TempDir(), "config.json", auths(t, tc.keys...))
			for range 20 { // the order of a map must not matter
				got := source(t, credential.Config(path, environ()), repository(t, tc.target))
				if got.Key != tc.want || tc.want != "" && got.Config != path {
					t.Fatalf("got %s, want %q", got, tc.want)
				}
			}
		})
	}
}

func TestARegistryIsATargetToo(t *testing.T) {
	path := write(t, t.TempDir(), "config.json", auths(t, "ghcr.io", "ghcr.io/org"))
	if got := source(t, credential.Config(path, environ()), resource{"ghcr.io", "ghcr.io"}); got.Key != "ghcr.io" {
		t.Errorf("got %s", got)
	}
	if got := source(t, credential.Config(path, environ()), resource{"ghcr.io", "something else"}); got.Key != "ghcr.io" {
		t.Errorf("got %s", got)
	}
}

// resource is an authn.Resource that is not one of go-containerregistry's.
type resource struct{ registry, text string }

func (r resource) RegistryStr() string { return r.registry }
func (r resource) String() string      { return r.text }
