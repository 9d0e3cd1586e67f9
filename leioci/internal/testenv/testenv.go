// Package testenv isolates the tests of a package from the machine they run on, and has what those of
// several packages need.
package testenv

import (
	"os"
	"testing"
	"time"

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
	goleak.VerifyTestMain(patient{m}, goleak.Cleanup(func(exit int) {
		must(os.RemoveAll(home))
		status = exit
	}))
	return status
}

// patient lets goroutines that are about to end do so before goleak looks, which gives them half a
// second. On a busy machine that may be too short.
type patient struct{ tests *testing.M }

func (p patient) Run() int {
	status := p.tests.Run()
	for begun := time.Now(); status == 0 && time.Since(begun) < time.Minute; {
		if goleak.Find() == nil {
			break
		}
	}
	return status
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
