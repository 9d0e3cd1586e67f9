// Package testenv isolates the tests of a package from the machine they run on.
package testenv

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main is for TestMain. It runs the tests as [Run] does, and exits.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run runs the tests with an empty home directory, and without the environment's credentials and
// proxies. Then it checks for leaked goroutines. It returns the status to exit with.
func Run(m *testing.M) (status int) {
	home, err := os.MkdirTemp("", "leioci-home")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "USERPROFILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		must(os.Setenv(name, home))
	}
	for _, name := range []string{
		"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
	} {
		must(os.Unsetenv(name))
	}
	if testing.CoverMode() != "" {
		// Otherwise children that are this binary complain on standard error, which tests read.
		must(os.Setenv("GOCOVERDIR", home))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(exit int) {
		must(os.RemoveAll(home))
		status = exit
	}))
	return status
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
