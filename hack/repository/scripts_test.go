package repository

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestScriptsHaveNoErrors(t *testing.T) {
	need(t, "shellcheck")
	scripts := []string{"../../.ci/run"}
	for _, pattern := range []string{"../../hack/*.sh", "../../examples/*/*.sh", github + "/actions/*/*.sh"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, found...)
	}
	out, err := exec.CommandContext(t.Context(), "shellcheck", scripts...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), "shellcheck", "--shell=sh", "-")
	check.Stdin = strings.NewReader(sidecarScript(t))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("the sidecar's: %v\n%s", err, out)
	}
}
