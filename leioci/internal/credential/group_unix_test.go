//go:build unix

package credential_test

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// escape makes a child the leader of its own process group.
func escape(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func TestAHelperIsKilledWithItsChildren(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	because := errors.New("the user has gone home")
	ctx, cancel := context.WithCancelCause(t.Context())
	result := look(ctx, k, repository(t, "ghcr.io/a/b"))
	helper := d.next(t, "docker-credential-store", "ghcr.io")
	helper.do(t, script{Hang: true, Child: true})
	child := d.next(t, "child", "")
	cancel(because)
	got := <-result
	var failed *credential.HelperError
	if !errors.Is(got.err, because) || !errors.As(got.err, &failed) || failed.Helper != "docker-credential-store" {
		t.Errorf("got %v, %v", got.auth, got.err)
	}
	helper.awaitEnd(t)
	child.awaitEnd(t)
}

func TestAChildIsKilledAfterItsHelperHasEnded(t *testing.T) {
	for name, end := range map[string]func(context.CancelFunc){
		"it fails":              func(context.CancelFunc) {},
		"every caller has left": func(cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, "store")
			k, _ := d.configured(t, `{"credsStore":"store"}`)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := look(ctx, k, repository(t, "ghcr.io/a/b"))
			helper := d.next(t, "docker-credential-store", "ghcr.io")
			helper.do(t, script{Child: true, Exit: 1})
			child := d.next(t, "child", "")
			helper.awaitEnd(t)
			end(cancel)
			if got := <-result; got.err == nil {
				t.Error("no error")
			}
			child.awaitEnd(t)
		})
	}
}
