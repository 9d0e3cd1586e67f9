//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestASignalInterrupts sends this process a signal, which kills it if the command does not listen.
func TestASignalInterrupts(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		reg := leiocitest.NewRegistry(t)
		reached := make(chan struct{}, 8)
		reg.On("", "/v2/", leiocitest.Always, announced(leiocitest.Stall(20))(reached))
		failed := make(chan error, 1)
		go func() {
			<-reached
			failed <- syscall.Kill(os.Getpid(), sig)
		}()
		status, stdout, stderr := leiociIn(t, t.TempDir(), "", "pull", reg.Host()+"/org/lei-cache")
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		if status != 130 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "interrupted") {
			t.Errorf("%v: %d, %q, %q", sig, status, stdout, stderr)
		}
	}
}
