package repository

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnitsAreValidAndConfined(t *testing.T) {
	need(t, "systemd-analyze")
	dir := t.TempDir()
	for _, name := range []string{"leioci-pull.service", "leioci-pull.timer"} {
		text, err := os.ReadFile("../../examples/systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		// The program must exist to be verified.
		unit := strings.ReplaceAll(string(text), "/usr/bin/leioci", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	service, timer := filepath.Join(dir, "leioci-pull.service"), filepath.Join(dir, "leioci-pull.timer")
	analyze(t, "verify", "--man=no", service, timer)
	analyze(t, "security", "--offline=true", "--threshold=15", service) // 1.5 of 10
}

func analyze(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
	if err != nil || args[0] == "verify" && len(out) > 0 {
		t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
	}
}

// need skips a test without a program, except in CI, which installs it.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}
