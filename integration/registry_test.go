package integration

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/lowendinsight/lei-go/leioci"
)

// registry is a running server, and how to reach it.
type registry struct {
	name         string // in the matrix
	host         string // host:port
	namespace    string // where repositories may be created: empty, or ends with a slash
	caFile       string // the certificate of its private CA; empty for plain HTTP or a public CA
	dockerConfig string // the directory with a config.json that holds its credentials; empty for none
	state        string // the state directory of hack/registry.sh
	plainHTTP    bool
	external     bool // not started here, so tests delete what they create there
}

// client returns a client for the registry. Its connections are closed when the test ends.
func (r *registry) client(t testing.TB, opts ...leioci.Option) *leioci.Client {
	t.Helper()
	return newClient(t, append([]leioci.Option{leioci.WithTransport(r.transport(t)), leioci.WithKeychain(r.keychain(t))}, opts...)...)
}

func newClient(t testing.TB, opts ...leioci.Option) *leioci.Client {
	t.Helper()
	c, err := leioci.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// transport returns a transport that trusts the registry's CA.
func (r *registry) transport(t testing.TB) *http.Transport {
	t.Helper()
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	if r.caFile != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(readFile(t, r.caFile)) {
			t.Fatalf("no certificate in %s", r.caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return transport
}

// keychain returns a keychain with the registry's credentials and no others. For an external
// registry without any, it is the user's own.
func (r *registry) keychain(t testing.TB) authn.Keychain {
	t.Helper()
	if r.dockerConfig == "" && r.external {
		return leioci.DefaultKeychain()
	}
	if r.dockerConfig == "" {
		return authn.NewMultiKeychain()
	}
	return leioci.DockerConfigKeychain(r.dockerConfig)
}

// credentials returns the registry's credentials from its docker configuration.
func (r *registry) credentials(t testing.TB) (user, password string) {
	t.Helper()
	reg, err := name.NewRegistry(r.host)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := authn.Resolve(t.Context(), r.keychain(t), reg)
	if err != nil {
		t.Fatal(err)
	}
	config, err := authn.Authorization(t.Context(), auth)
	if err != nil {
		t.Fatal(err)
	}
	return config.Username, config.Password
}

// writeDockerConfig writes credentials for host into a docker configuration, and returns its
// directory.
func writeDockerConfig(t testing.TB, host, user, password string) string {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	config, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"auth": auth}}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, config, dir, "config.json")
	return dir
}

// repository returns a new, unique repository. In an external registry, its contents are deleted
// when the test ends.
func (r *registry) repository(t testing.TB) name.Repository {
	t.Helper()
	repo, err := leioci.ParseRepository(r.host + "/" + r.namespace + "lei-test-" + strings.ToLower(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	if r.external {
		opts := []remote.Option{remote.WithTransport(r.transport(t)), remote.WithAuthFromKeychain(r.keychain(t))}
		t.Cleanup(func() { deleteAll(t, repo, opts) })
	}
	return repo
}

// deleteAll deletes the manifests that the tags of repo name, and logs those that it cannot delete.
func deleteAll(t testing.TB, repo name.Repository, opts []remote.Option) {
	tags, err := remote.List(repo, opts...)
	if err != nil {
		t.Logf("left behind: %s: %v", repo, err)
		return
	}
	digests := map[string]bool{} // deleting a manifest deletes its tags
	for _, tag := range tags {
		if d, err := remote.Get(repo.Tag(tag), opts...); err == nil {
			digests[d.Digest.String()] = true
		}
	}
	for digest := range digests {
		if err := remote.Delete(repo.Digest(digest), opts...); err != nil {
			t.Logf("left behind: %s: %v", repo.Digest(digest), err)
		}
	}
}

func readFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, data []byte, elem ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(elem...), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
