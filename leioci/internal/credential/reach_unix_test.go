//go:build unix

package credential_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// loop returns a path that never ends.
func loop(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPlaceThatNobodyNamedAndThatCannotBeReachedIsPassedOver(t *testing.T) {
	file := write(t, t.TempDir(), "file", "")
	for name, tc := range map[string]struct {
		dir    string
		reason error // nil for what is as good as absent
	}{
		"absent":          {filepath.Join(t.TempDir(), "absent"), nil},
		"below a file":    {file, nil},
		"below a device":  {os.DevNull, nil},
		"a loop":          {loop(t), syscall.ELOOP},
		"a name too long": {"/" + strings.Repeat("n", 300), syscall.ENAMETOOLONG},
		"a path too long": {strings.Repeat("/n", 5000), syscall.ENAMETOOLONG},
	} {
		t.Run(name, func(t *testing.T) {
			assertPassedOver(t, tc.dir, tc.reason)
			assertNamedFails(t, tc.dir, tc.reason)
		})
	}
}

// assertPassedOver asserts that a directory that is not named is passed over for this reason.
func assertPassedOver(t *testing.T, dir string, reason error) {
	t.Helper()
	for _, env := range [][]string{{"HOME=" + dir}, {"XDG_RUNTIME_DIR=" + dir}, {"XDG_CONFIG_HOME=" + dir}} {
		k := credential.Default(environ(env...))
		if auth, err := k.ResolveContext(t.Context(), repository(t, "ghcr.io/a/b")); auth != authn.Anonymous || err != nil {
			t.Errorf("%s: got %v, %v", env, auth, err)
		}
		var reasons int
		for _, f := range k.Explain(t.Context(), repository(t, "ghcr.io/a/b")) {
			if f.Err != nil || f.Present || f.Decides {
				t.Errorf("%s: got %+v", env, f)
			}
			if f.Unreachable != nil {
				reasons++
				if !errors.Is(f.Unreachable, reason) || strings.Contains(f.Unreachable.Error(), dir) {
					t.Errorf("%s: got %v", env, f.Unreachable)
				}
			}
		}
		if (reasons > 0) != (reason != nil) {
			t.Errorf("%s: %d reasons", env, reasons)
		}
	}
}

// assertNamedFails asserts that the directory is an error where the user has named it.
func assertNamedFails(t *testing.T, dir string, reason error) {
	t.Helper()
	if reason == nil {
		return
	}
	for name, k := range map[string]*credential.Keychain{
		"REGISTRY_AUTH_FILE": credential.Default(environ("REGISTRY_AUTH_FILE=" + filepath.Join(dir, "auth.json"))),
		"DOCKER_CONFIG":      credential.Default(environ("DOCKER_CONFIG=" + dir)),
		"a file":             credential.Config(filepath.Join(dir, "config.json"), environ()),
		"a directory":        credential.Config(dir, environ()),
	} {
		_, err := k.ResolveContext(t.Context(), repository(t, "ghcr.io/a/b"))
		var failed *credential.ConfigError
		if !errors.As(err, &failed) || !errors.Is(err, reason) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestPodmansRuntimeDirectoryIsUsedWithoutXDGRuntimeDir(t *testing.T) {
	run := t.TempDir()
	path := write(t, run, "containers/"+strconv.Itoa(os.Getuid())+"/auth.json", auths(t, "ghcr.io"))
	o := environ("HOME=" + t.TempDir())
	o.RunDir = run
	k := credential.Default(o)
	if got := source(t, k, repository(t, "ghcr.io/a/b")); got.Config != path {
		t.Errorf("got %s", got)
	}
	if f := k.Explain(t.Context(), repository(t, "ghcr.io/a/b"))[4]; f.Place != "podman, runtime directory" || !f.Decides {
		t.Errorf("got %+v", f)
	}
	o.Environ = func() []string { return []string{"XDG_RUNTIME_DIR=" + t.TempDir()} }
	if got := source(t, credential.Default(o), repository(t, "ghcr.io/a/b")); got.Config != "" {
		t.Errorf("with XDG_RUNTIME_DIR: got %s", got)
	}
}

func TestALinkToTheNullDeviceHasNoCredentials(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.DevNull, filepath.Join(home, ".docker", "config.json")); err != nil {
		t.Fatal(err)
	}
	if got := source(t, credential.Default(environ("HOME="+home)), repository(t, "ghcr.io/a/b")); got.Config != "" {
		t.Errorf("got %s", got)
	}
}

func TestABrokenPlaceThatNobodyNamedIsAnError(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"a directory":        func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":             func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		home := t.TempDir()
		if err := os.Mkdir(filepath.Join(home, ".docker"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := prepare(filepath.Join(home, ".docker", "config.json")); err != nil {
			t.Fatal(err)
		}
		_, err := credential.Default(environ("HOME=" + home)).Resolve(repository(t, "ghcr.io/a/b"))
		var failed *credential.ConfigError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
