// Package integration tests leioci against real registries and with other people's clients. README.md says how.
package integration

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unavailable ends a test that needs what is not installed: as a failure in CI, where everything has to be, and as a
// skip elsewhere.
func unavailable(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("cannot run: %s", what)
	}
	t.Skipf("cannot run here: %s", what)
}

// notForeign ends a test of servers that are started here where another registry is to be tested.
func notForeign(t testing.TB) {
	t.Helper()
	if os.Getenv(variableRegistry) != "" {
		t.Skipf("not for the registry of %s: this test is about servers of its own", variableRegistry)
	}
}
