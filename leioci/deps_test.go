package leioci_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTheLibraryBringsFewModules pins the modules compiled into a program that uses the library.
func TestTheLibraryBringsFewModules(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.Module.Path}} {{.ImportPath}}{{end}}", ".", "./snapshot")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	allowed := []string{
		"github.com/lowendinsight/lei-go",
		"github.com/google/go-containerregistry",
		"github.com/docker/cli",
		"github.com/sirupsen/logrus",
		"golang.org/x/sync",
		"golang.org/x/sys",
		// Indirect dependencies:
		"github.com/docker/docker-credential-helpers",
		"github.com/klauspost/compress",
		"github.com/opencontainers/go-digest",
		"github.com/opencontainers/image-spec",
	}
	var foreign int
	for line := range strings.Lines(string(out)) {
		module, pkg, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains(allowed, module) {
			t.Errorf("%s is compiled into the library", pkg)
		}
		if module != "github.com/lowendinsight/lei-go" {
			foreign++
		}
		if strings.HasSuffix(pkg, "/pkg/registry") || strings.Contains(pkg, "leiocitest") {
			t.Errorf("%s is for tests, and compiled into the library", pkg)
		}
	}
	if foreign > 60 {
		t.Errorf("%d packages of other modules are compiled in, want at most 60", foreign)
	}
	t.Logf("%d packages of other modules", foreign)
}
