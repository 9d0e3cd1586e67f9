// Package integration tests leioci against real registries and with other people's clients. README.md says how.
package integration

import (
	"errors"
	"os"
	"strings"
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
	report(t, "Not tested, as it is not installed: "+what)
	t.Skipf("cannot run here: %s", what)
}

// notForeign ends a test of servers that are started here where another registry is to be tested.
func notForeign(t testing.TB) {
	t.Helper()
	if os.Getenv(variableRegistry) != "" {
		t.Skipf("not for the registry of %s: this test is about servers of its own", variableRegistry)
	}
}

// variableReport names the file to which tests write what they measured.
const variableReport = "LEIOCI_TEST_REPORT"

// report adds text to the report, once, or logs it where there is none.
func report(t testing.TB, text string) {
	t.Helper()
	file := os.Getenv(variableReport)
	if file == "" {
		t.Log(text)
		return
	}
	if so, err := os.ReadFile(file); err == nil && strings.Contains(string(so), text) {
		return
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
