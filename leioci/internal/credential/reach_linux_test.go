package credential_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// unprivileged runs a function on a thread that permissions apply to. root's threads lose their
// privileges on files with their user, and only on files.
func unprivileged(t *testing.T, do func()) {
	t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		runtime.LockOSThread() // and never unlock it: the thread ends with this goroutine
		if os.Geteuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
				return
			}
		}
		do()
	}()
	<-over
}

func TestAHomeWithoutPermissionIsPassedOver(t *testing.T) {
	open := t.TempDir()
	for _, dir := range []string{filepath.Dir(open), open} {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // another user enters it
			t.Fatal(err)
		}
	}
	closed := filepath.Join(open, "closed")
	for _, dir := range []string{closed, filepath.Join(open, "enterable")} {
		for _, path := range []string{".docker/config.json", ".config/containers/auth.json", "containers/auth.json", "config.json", "auth.json"} {
			file := write(t, dir, path, auths(t, "ghcr.io"))
			for parent := filepath.Dir(file); parent != open; parent = filepath.Dir(parent) {
				if err := os.Chmod(parent, 0o755); err != nil { //nolint:gosec // another user enters it
					t.Fatal(err)
				}
			}
			if err := os.Chmod(file, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) }) //nolint:gosec // so that it can be removed
	for _, dir := range []string{closed, filepath.Join(open, "enterable")} {
		unprivileged(t, func() {
			assertPassedOver(t, dir, fs.ErrPermission)
			assertNamedFails(t, dir, fs.ErrPermission)
		})
	}
}
