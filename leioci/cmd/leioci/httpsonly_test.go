package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestHTTPSOnlyIsNotTriedOverHTTP(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	status, _, stderr := leiociIn(t, t.TempDir(), "s3cret", "push", dir, ref, "--https-only", "--attempts=1")
	if status != 1 || !strings.Contains(stderr, "http is not tried") || strings.Contains(stderr, "s3cret") || len(reg.Requests()) > 0 {
		t.Errorf("%d, %q; the registry was asked %q", status, stderr, reg.Requests())
	}
	for _, plain := range []string{"--plain-http", "--plain-http-host=" + reg.Host()} {
		if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref, "--https-only", plain); status != 2 || !strings.Contains(stderr, "--https-only excludes") {
			t.Errorf("%s: %d, %q", plain, status, stderr)
		}
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Errorf("without flags, a loopback address: %d, %q", status, stderr)
	}
}

func TestAPEMFileHasALimit(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.pem")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxPEMBytes+1); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--ca-file", large}, {"--cert-file", large, "--key-file", large}} {
		status, _, stderr := leiociIn(t, t.TempDir(), "", append([]string{"pull", "localhost:1/a/b"}, flags...)...)
		if status != 2 || !strings.Contains(stderr, "exceeds") {
			t.Errorf("%s: %d, %q", flags[0], status, stderr)
		}
	}
}
