// Package integration tests leioci against real registries and with third-party clients. See
// README.md.
package integration

import (
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// skipUnavailable ends a test that needs something that is not installed. It fails the test in CI,
// where everything must be installed, and skips it elsewhere.
func skipUnavailable(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("cannot run: %s", what)
	}
	report(t, "Not tested, because it is not installed: "+what)
	t.Skipf("cannot run here: %s", what)
}

// skipIfExternal skips a test that starts its own servers if the tests run against an external
// registry.
func skipIfExternal(t testing.TB) {
	t.Helper()
	if os.Getenv(variableRegistry) != "" {
		t.Skipf("%s is set, and this test starts its own servers", variableRegistry)
	}
}

// variableReport names the variable with the file that tests write their measurements to.
const variableReport = "LEIOCI_TEST_REPORT"

// report adds text to the report, once. Without a report file, it logs the text.
func report(t testing.TB, text string) {
	t.Helper()
	file := os.Getenv(variableReport)
	if file == "" {
		t.Log(text)
		return
	}
	if existing, err := os.ReadFile(file); err == nil && strings.Contains(string(existing), text) {
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
