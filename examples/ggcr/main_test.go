package main

import (
	"strings"
	"testing"
)

func TestASnapshotGoesThroughEveryPackageUnderOneDigest(t *testing.T) {
	home := t.TempDir()
	for _, variable := range []string{"HOME", "USERPROFILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"} {
		t.Setenv(variable, home)
	}
	var out strings.Builder
	if err := run(t.Context(), "../../leioci/testdata/lei-0.9.1", &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	steps := []string{"remote.Write", "crane.Copy", "remote.Puller", "remote.Pusher", "layout", "tarball"}
	if len(lines) != len(steps) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(steps), out.String())
	}
	digest := strings.Fields(lines[0])[1]
	for i, step := range steps {
		if !strings.HasPrefix(lines[i], step) || step != "tarball" && !strings.Contains(lines[i], " "+digest) {
			t.Errorf("line %d is %q, want %s and %s", i, lines[i], step, digest)
		}
	}
	if !strings.Contains(out.String(), "73222 bytes unpacked") || !strings.Contains(out.String(), "use a layout: ") {
		t.Errorf("unexpected output:\n%s", out.String())
	}
}
