//go:build unix

package leioci_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A umask, or somebody's hand, may have taken the permissions away.
func TestLeftoversThatTheirOwnUserMayNotOpenAreUsedAndRemoved(t *testing.T) {
	w := newCrashWorld(t)
	w.reset()
	c := w.unprivileged()
	hash := strings.Split(w.interrupted(c), "-")[2]
	must(t, os.WriteFile(filepath.Join(w.parent, ".leioci-lock-"+hash), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(w.parent, ".leioci-staging-"+hash+"-1-KILLED"), 0o700))
	for _, name := range namesIn(t, w.parent) {
		path := filepath.Join(w.parent, name)
		if name == "lei" {
			continue
		}
		if c.UID != 0 {
			must(t, os.Chown(path, c.UID, c.UID))
		}
		must(t, os.Chmod(path, 0))
	}
	continued := make(chan string, 10)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, w.large.Digest.String()) {
			continued <- r.Header.Get("Range")
		}
		w.registry.ServeHTTP(rw, r)
	}))
	defer s.Close()
	c.Ref = strings.TrimPrefix(s.URL, "http://") + "/org/lei-cache:latest"
	must(t, c.run(t))
	w.assertBeside(w.parent, []string{"lei"}, false)
	if got := <-continued; !strings.HasPrefix(got, "bytes=") {
		t.Errorf("the download began anew: %q", got)
	}
}

// interrupted lets a pull break off and returns the name of a partial file that it left.
func (w *crashWorld) interrupted(c child) string {
	w.t.Helper()
	limited := c
	limited.FileSize = uint64(w.large.Size) / 2
	if err := limited.run(w.t); err == nil {
		w.t.Fatal("the pull was not interrupted")
	}
	for _, name := range namesIn(w.t, w.parent) {
		if strings.HasPrefix(name, ".leioci-partial-") {
			return name
		}
	}
	w.t.Fatal("there is no partial file")
	return ""
}
