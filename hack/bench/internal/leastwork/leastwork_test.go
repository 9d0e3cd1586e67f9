package leastwork

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestWhatIsPushedIsPulled(t *testing.T) {
	server := httptest.NewServer(leiocitest.NewHandler())
	defer server.Close()
	c := &Client{HTTP: server.Client(), Host: strings.TrimPrefix(server.URL, "http://")}
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	files := []File{{"config", "application/x-config"}, {"a", "application/x-a"}, {"b", "application/x-b"}}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), []byte("content of "+f.Name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.PushFiles(t.Context(), "r", "t", dir, files); err != nil {
		t.Fatal(err)
	}
	if err := c.PullFiles(t.Context(), "r", "t", out); err != nil {
		t.Fatal(err)
	}
	for _, f := range files[1:] {
		if got, err := os.ReadFile(filepath.Join(out, f.Name)); err != nil || string(got) != "content of "+f.Name {
			t.Errorf("%s: %q, %v", f.Name, got, err)
		}
	}
	if err := c.PullBytes(t.Context(), "r", "t"); err != nil {
		t.Error(err)
	}
	if err := c.PullBytes(t.Context(), "r", "none"); err == nil {
		t.Error("pulled what is not there")
	}
}

func TestOtherContentIsNotPulled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "other") }))
	defer server.Close()
	c := &Client{HTTP: server.Client(), Host: strings.TrimPrefix(server.URL, "http://")}
	for content, ok := range map[string]bool{"other": true, "wanted": false} {
		err := c.pullBlob(t.Context(), "r", Descriptor{Digest: digestOfBytes([]byte(content))}, io.Discard)
		if ok != (err == nil) || !ok && !errors.Is(err, errDigest) {
			t.Errorf("%s: got %v", content, err)
		}
	}
}
