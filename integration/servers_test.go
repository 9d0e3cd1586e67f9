package integration

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// The variables for an external registry: host[:port] with an optional /namespace, and its
// credentials.
const (
	variableRegistry = "LEIOCI_TEST_REGISTRY"
	variableUsername = "LEIOCI_TEST_USERNAME"
	variablePassword = "LEIOCI_TEST_PASSWORD"
)

// server is a registry to test against.
type server struct {
	name  string
	start func(testing.TB) *registry
}

// servers returns the servers that are started here, or only the external registry if one is set.
func servers() []server {
	if reg := os.Getenv(variableRegistry); reg != "" {
		return []server{{reg, external}}
	}
	list := []server{
		{"ggcr in memory", inMemory((*httptest.Server).Start, false)},
		{"ggcr in memory, TLS", inMemory((*httptest.Server).StartTLS, false)},
		{"ggcr in memory, basic", inMemory((*httptest.Server).Start, true)},
		{"ggcr in memory, token", inMemoryWithTokens},
		{"olareg", script("olareg")},
		{"olareg, TLS", script("olareg", "--tls")},
	}
	for _, d := range []struct{ name, command string }{{"distribution 3", "distribution"}, {"distribution 2.8", "distribution-v2"}} {
		list = append(list,
			server{d.name, script(d.command)},
			server{d.name + ", TLS", script(d.command, "--tls")},
			server{d.name + ", basic", script(d.command, "--auth", "basic")},
			server{d.name + ", TLS, basic", script(d.command, "--tls", "--auth", "basic")},
			server{d.name + ", token", withTokens(d.command)},
			server{d.name + ", relative URLs", script(d.command, "--relative-urls")},
			server{d.name + " behind nginx", behindNginx(d.command)},
			server{d.name + " behind nginx, TLS, basic, blobs elsewhere", behindNginx(d.command, "--tls", "--auth", "basic", "--redirect-blobs", "localhost")},
		)
	}
	return list
}

// eachServer runs a test with every server.
func eachServer(t *testing.T, test func(*testing.T, *registry)) {
	for _, s := range servers() {
		t.Run(s.name, func(t *testing.T) {
			r := s.start(t)
			r.name = s.name
			test(t, r)
		})
	}
}

// external returns the registry that the environment names.
func external(t testing.TB) *registry {
	t.Helper()
	host, namespace, _ := strings.Cut(os.Getenv(variableRegistry), "/")
	if namespace = strings.Trim(namespace, "/"); namespace != "" {
		namespace += "/"
	}
	reg, err := name.NewRegistry(host, name.StrictValidation)
	if err != nil {
		t.Fatalf("%s: %v", variableRegistry, err)
	}
	r := &registry{
		host: host, namespace: namespace, external: true,
		caFile: os.Getenv("SSL_CERT_FILE"), dockerConfig: os.Getenv("DOCKER_CONFIG"),
	}
	r.plainHTTP = reg.Scheme() == "http" && r.caFile == ""
	if user := os.Getenv(variableUsername); user != "" {
		r.dockerConfig = writeDockerConfig(t, host, user, os.Getenv(variablePassword))
	}
	return r
}

// inMemory starts go-containerregistry's registry in this process.
func inMemory(start func(*httptest.Server), basic bool) func(testing.TB) *registry {
	return func(t testing.TB) *registry {
		t.Helper()
		const user, password = "lei", "in memory"
		handler := leiocitest.NewHandler()
		if basic {
			handler = leiocitest.BasicAuth(user, password, handler)
		}
		s := httptest.NewUnstartedServer(handler)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		start(s)
		t.Cleanup(s.Close)
		scheme, host, _ := strings.Cut(s.URL, "://")
		r := &registry{host: host, plainHTTP: scheme == "http"}
		if basic {
			r.dockerConfig = writeDockerConfig(t, host, user, password)
		}
		if !r.plainHTTP {
			r.caFile = t.TempDir() + "/ca.pem"
			writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), r.caFile)
		}
		return r
	}
}

// behindNginx starts a server, and nginx with the given arguments in front of it.
func behindNginx(command string, args ...string) func(testing.TB) *registry {
	return func(t testing.TB) *registry {
		t.Helper()
		upstream := script(command)(t)
		return script(append([]string{"nginx", "--upstream", upstream.host}, args...)...)(t)
	}
}

// script starts a server with hack/registry.sh. The server stops when the test ends, or when this
// process ends in any way.
func script(args ...string) func(testing.TB) *registry {
	return func(t testing.TB) *registry {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "../hack/registry.sh", append([]string{"run"}, args...)...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.Cancel = stdin.Close // tells the script to stop
		cmd.WaitDelay = 20 * time.Second
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		variables, err := io.ReadAll(stdout)
		if err != nil {
			t.Fatal(err)
		}
		r := fromVariables(string(variables))
		if r.host == "" {
			exited(t, cmd.Wait(), &stderr)
		}
		t.Cleanup(func() { _ = cmd.Wait() }) // the context is done, and Wait would report only that
		return r
	}
}

// exited reports why the script did not start a server.
func exited(t testing.TB, err error, stderr *bytes.Buffer) {
	t.Helper()
	const exUnavailable = 69
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exUnavailable {
		skipUnavailable(t, stderr.String())
	}
	t.Fatalf("%v: %s", err, stderr)
}

// fromVariables parses the output of the script.
func fromVariables(text string) *registry {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = value
	}
	return &registry{
		host: values[variableRegistry], state: values["STATE"],
		caFile: values["SSL_CERT_FILE"], dockerConfig: values["DOCKER_CONFIG"],
		plainHTTP: values["SSL_CERT_FILE"] == "",
	}
}
