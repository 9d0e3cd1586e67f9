package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestADockerCredentialHelperServesTheCommand(t *testing.T) {
	skipIfExternal(t)
	for _, program := range []string{"docker-credential-pass", "pass", "gpg", "gpgconf"} {
		if _, err := exec.LookPath(program); err != nil {
			skipUnavailable(t, err.Error())
		}
	}
	r := script("distribution", "--auth", "basic")(t)
	leioci := buildCommand(t)
	env := passEnvironment(t)
	ref := r.repository(t).String()
	out := filepath.Join(t.TempDir(), "out")

	user, password := r.credentials(t)
	stored, err := json.Marshal(map[string]string{"ServerURL": r.host, "Username": user, "Secret": password})
	if err != nil {
		t.Fatal(err)
	}
	env.must(t, string(stored), "docker-credential-pass", "store")
	pushed := env.must(t, "", leioci, "push", sampleDir, ref)
	pulled := env.must(t, "", leioci, "pull", ref, "-o", out)
	if pulled != pushed || !strings.Contains(pulled, "@sha256:") {
		t.Errorf("pushed %q, pulled %q", pushed, pulled)
	}
	assertSameFiles(t, sampleDir, out, "manifest.json", "cache.jsonl.gz")

	env.must(t, r.host, "docker-credential-pass", "erase")
	stdout, stderr, err := env.run(t.Context(), "", leioci, "pull", ref, "-o", out)
	if err == nil || stdout != "" || !strings.Contains(stderr, "unauthorized") {
		t.Errorf("without credentials: %v, output %q, %q, want an error that says unauthorized", err, stdout, stderr)
	}
	if strings.Contains(stderr, password) {
		t.Error("the password is in the error")
	}
}

// buildCommand builds the leioci command of this tree and returns its path.
func buildCommand(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "leioci")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./leioci/cmd/leioci")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// environment is the complete environment of a program.
type environment []string

// passEnvironment returns an environment in which docker stores its credentials in pass, with a key
// without a passphrase.
func passEnvironment(t testing.TB) environment {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // short, because the path of a socket has to be
	if err != nil {
		t.Fatal(err)
	}
	env := environment{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GNUPGHOME=" + home, "DOCKER_CONFIG=" + home,
		"PASSWORD_STORE_DIR=" + filepath.Join(home, "store"),
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, stderr, err := env.run(ctx, "", "gpgconf", "--kill", "all"); err != nil {
			t.Errorf("%v: %s", err, stderr)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	writeFile(t, []byte(`{"credsStore":"pass"}`), home, "config.json")
	const key = "leioci test <test@example.org>"
	env.must(t, "", "gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", key, "default", "default", "1d")
	env.must(t, "", "pass", "init", key)
	return env
}

// run runs a program and returns its output.
func (env environment) run(ctx context.Context, stdin, program string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 10 * time.Second // for processes that the program leaves behind
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), errs.String(), fmt.Errorf("%s: %w", program, err)
	}
	return out.String(), errs.String(), nil
}

// must runs a program that must succeed, and returns its standard output.
func (env environment) must(t testing.TB, stdin, program string, args ...string) string {
	t.Helper()
	stdout, stderr, err := env.run(t.Context(), stdin, program, args...)
	if err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	return stdout
}
