// Package testenv runs the tests of a package apart from the machine they run on.
package testenv

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests with an empty home directory and without credentials and proxies of the environment, and then
// looks for goroutines that were left behind. It is for TestMain, and does not return.
func Main(m *testing.M) {
	home, err := os.MkdirTemp("", "leioci-home")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "USERPROFILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		must(os.Setenv(name, home))
	}
	for _, name := range []string{"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		must(os.Unsetenv(name))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		must(os.RemoveAll(home))
		os.Exit(status)
	}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
