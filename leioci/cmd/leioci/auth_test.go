package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// place writes a configuration file below dir and returns its path.
func place(t *testing.T, dir, path, content string) string {
	t.Helper()
	path = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExplainSaysWhatEveryPlaceHas(t *testing.T) {
	const bob, eve = `{"auths":{"ghcr.io/org":{"auth":"Ym9iOnMzY3JldA=="}}}`, `{"auths":{"ghcr.io":{"auth":"ZXZlOnMzY3JldA=="}}}`
	dir := t.TempDir()
	docker := place(t, dir, "docker/config.json", bob)
	home := place(t, dir, "home/.docker/config.json", eve)
	run := place(t, dir, "run/containers/auth.json", "s3cret\n")
	xdg := place(t, dir, "xdg/containers/auth.json", `{"credsStore":"absent\u001b[2J"}`)
	for name, value := range map[string]string{
		"DOCKER_AUTH_CONFIG": `{"auths":{"quay.io":{"auth":"ZXZlOnMzY3JldA=="}}}`, "DOCKER_CONFIG": filepath.Dir(docker),
		"HOME": filepath.Join(dir, "home"), "USERPROFILE": filepath.Join(dir, "home"),
		"XDG_RUNTIME_DIR": filepath.Join(dir, "run"), "XDG_CONFIG_HOME": filepath.Join(dir, "xdg"),
	} {
		t.Setenv(name, value)
	}
	for _, tc := range []struct{ token, ref, want string }{
		{"", "ghcr.io/org/lei-cache:latest", `credentials for ghcr.io/org/lei-cache, in the order they are looked up:
  LEI_REGISTRY_TOKEN: not set
  REGISTRY_AUTH_FILE: not set
  DOCKER_AUTH_CONFIG: no matching entry
* DOCKER_CONFIG, DOCKER: password of "bob", entry "ghcr.io/org"
  docker, home directory, HOME_FILE: password of "eve", entry "ghcr.io"
  podman, XDG_RUNTIME_DIR, RUN_FILE: error: credentials in RUN_FILE: invalid JSON at byte 1; correct it, or remove it and log in again
  podman, XDG_CONFIG_HOME or home directory, XDG_FILE: error: credential helper docker-credential-absent [2J (in XDG_FILE) for ghcr.io: executable file not found in $PATH; install it, or remove it from the configuration
used: password of "bob", entry "ghcr.io/org" in DOCKER
`},
		{"s3cret", "ghcr.io/org/lei-cache", "* LEI_REGISTRY_TOKEN: set\n"},
		{"s3cret", "ghcr.io/org/lei-cache", "\n  DOCKER_CONFIG, DOCKER: password of \"bob\", entry \"ghcr.io/org\"\n"},
		{"s3cret", "ghcr.io/org/lei-cache", "\nused: LEI_REGISTRY_TOKEN\n"},
		{"", "ghcr.io/other/lei-cache", "\n  DOCKER_CONFIG, DOCKER: no matching entry\n* docker, home directory, HOME_FILE: password of \"eve\""},
		{"", "localhost:5000/a/b", "\n* podman, XDG_RUNTIME_DIR, RUN_FILE: error"},
		{"", "localhost:5000/a/b", "\nused: none, because the lookup stops at the first error\n"},
	} {
		status, stdout, stderr := leiociIn(t, dir, tc.token, "auth", "explain", tc.ref)
		want := strings.NewReplacer("DOCKER:", docker+":", "DOCKER\n", docker+"\n", "HOME_FILE", home, "RUN_FILE", run, "XDG_FILE", xdg).Replace(tc.want)
		if status != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: %d, %q, got\n%s\nwant\n%s", tc.ref, status, stderr, stdout, want)
		}
		if strings.Contains(stdout, "s3cret") || strings.Contains(stdout, "\x1b") {
			t.Errorf("%s: output has a secret, or moves the cursor:\n%q", tc.ref, stdout)
		}
	}
}

func TestExplainWithoutAnyConfigurationIsAnonymous(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "")
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "auth", "explain", "ghcr.io/org/lei-cache")
	if status != 0 || stderr != "" || !strings.HasSuffix(stdout, "\nused: none, access is anonymous\n") || strings.Contains(stdout, "* ") {
		t.Errorf("%d, %q, %s", status, stderr, stdout)
	}
}

func TestWrongUsageOfAuthIsStatus2(t *testing.T) {
	for _, args := range [][]string{
		{"auth"},
		{"auth", "frobnicate"},
		{"auth", "explain"},
		{"auth", "explain", "a", "b"},
		{"auth", "explain", "invalid"},
	} {
		if status, stdout, stderr := leiociIn(t, t.TempDir(), "", args...); status != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
		}
	}
	if status, stdout, _ := leiociIn(t, t.TempDir(), "", "auth", "explain", "--help"); status != 0 || !strings.Contains(stdout, "No secrets are printed") {
		t.Errorf("%d, %q", status, stdout)
	}
}

func TestExplainTakesAReferenceWithADigest(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, ref := range []string{"ghcr.io/org/lei-cache" + digest, "oci://ghcr.io/org/lei-cache:latest" + digest} {
		status, stdout, stderr := leiociIn(t, t.TempDir(), "", "auth", "explain", ref)
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "credentials for ghcr.io/org/lei-cache, in the order they are looked up:\n") {
			t.Errorf("%s: %d, %q, %s", ref, status, stderr, stdout)
		}
	}
}

func TestExplainShowsAPlaceThatIsPassedOver(t *testing.T) {
	home := "/" + strings.Repeat("n", 300) + "\u202e\x9b\x1b"
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	_, stdout, _ := leiociIn(t, t.TempDir(), "", "auth", "explain", "ghcr.io/org/lei-cache")
	if !strings.HasSuffix(stdout, "\nused: none, access is anonymous\n") || strings.ContainsAny(stdout, "\u202e\x1b") || strings.Contains(stdout, "\x9b") {
		t.Errorf("got %q", stdout)
	}
	if runtime.GOOS != "windows" && strings.Count(stdout, ".json: passed over: file name too long\n") != 2 {
		t.Errorf("got %s", stdout)
	}
}
