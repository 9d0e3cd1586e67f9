package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain keeps the machine's credentials and proxies out of the tests, and checks for leaked
// goroutines.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "lei-watch-home")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "USERPROFILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		os.Setenv(name, home)
	}
	for _, name := range []string{"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(home)
		os.Exit(status)
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
