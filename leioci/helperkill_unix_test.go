//go:build unix

package leioci_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestNoHelperIsLeftWhenACancelledCallReturns(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"credsStore":"sleeping"}`), 0o600))
	script := "#!/bin/sh\necho $$ >'" + pipe + "'\nexec sleep 1000\n"
	must(t, os.WriteFile(filepath.Join(dir, "docker-credential-sleeping"), []byte(script), 0o700)) //nolint:gosec // it is run
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	reg := leiocitest.NewRegistry(t)
	c := newClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	pids := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(pipe) // until the helper has started
		if err != nil {
			t.Error(err)
		}
		pids <- strings.TrimSpace(string(data))
		cancel()
	}()
	manifest, blobs := sample(t)
	if _, err := c.Push(ctx, repository(t, reg), []string{"latest"}, manifest, blobs); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	pid, err := strconv.Atoi(<-pids)
	must(t, err)
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the helper is alive after the call: %v", err)
	}
}
