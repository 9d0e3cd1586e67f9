package credential_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// idle fails the test if a helper has started that has no script yet.
func (d *director) idle(t *testing.T) {
	t.Helper()
	select {
	case p := <-d.started:
		t.Errorf("%s runs, asked for %s", p.Name, p.Input)
	default:
	}
}

// awaitCallers waits until n callers are waiting for a helper.
func awaitCallers(k *credential.Keychain, n int) {
	for k.Waiting() < n {
		runtime.Gosched()
	}
}

func TestASlowHelperDoesNotDelayOtherRegistries(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	slow := look(t.Context(), k, repository(t, "slow.example/a/b"))
	p := d.next(t, "docker-credential-store", "slow.example")
	quick := look(t.Context(), k, repository(t, "quick.example/a/b"))
	d.next(t, "docker-credential-store", "quick.example").do(t, says("quick"))
	if got := (<-quick).config(t); got.Username != "quick" {
		t.Errorf("got %+v", got)
	}
	p.do(t, says("slow"))
	if got := (<-slow).config(t); got.Username != "slow" {
		t.Errorf("got %+v", got)
	}
}

func TestAHelperRunsOnceForConcurrentCallers(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	first := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
	p := d.next(t, "docker-credential-store", "ghcr.io")
	var others []<-chan outcome
	for range 10 {
		others = append(others, look(t.Context(), k, repository(t, "ghcr.io/c/d")))
	}
	awaitCallers(k, 11)
	p.do(t, says("bob"))
	for _, result := range append(others, first) {
		if got := (<-result).config(t); got.Username != "bob" {
			t.Errorf("got %+v", got)
		}
	}
	d.idle(t)
}

func TestOneCallersContextDoesNotFailAnother(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	ctx, cancel := context.WithCancel(t.Context())
	gone := look(ctx, k, repository(t, "ghcr.io/a/b"))
	p := d.next(t, "docker-credential-store", "ghcr.io")
	stays := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
	awaitCallers(k, 2)
	cancel()
	if got := <-gone; !errors.Is(got.err, context.Canceled) {
		t.Errorf("got %v, %v", got.auth, got.err)
	}
	p.do(t, says("bob"))
	if got := (<-stays).config(t); got.Username != "bob" {
		t.Errorf("got %+v", got)
	}
}

func TestACallerDuringACancellationGetsANewRun(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	ctx, cancel := context.WithCancel(t.Context())
	gone := look(ctx, k, repository(t, "ghcr.io/a/b"))
	p := d.next(t, "docker-credential-store", "ghcr.io")
	p.do(t, script{Hang: true, Child: true, Escape: true}) // so that the cancellation takes a while
	d.next(t, "child", "")
	cancel()
	p.awaitEnd(t)
	comes := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
	d.next(t, "docker-credential-store", "ghcr.io").do(t, says("bob"))
	if got := (<-comes).config(t); got.Username != "bob" {
		t.Errorf("got %+v", got)
	}
	if got := <-gone; !errors.Is(got.err, context.Canceled) {
		t.Errorf("got %v, %v", got.auth, got.err)
	}
}

func TestAnEndedContextStartsNothing(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.ResolveContext(ctx, repository(t, "ghcr.io/a/b")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	d.idle(t)
}

func TestAnAnswerIsCachedForItsLifetime(t *testing.T) {
	for name, s := range map[string]script{
		"credentials": says("bob"),
		"none":        {Stdout: "credentials not found in native keychain", Exit: 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, "store")
			now := time.Now()
			o := d.options()
			o.Now = func() time.Time { return now }
			k := credential.Config(write(t, t.TempDir(), "config.json", `{"credsStore":"store"}`), o)
			for _, step := range []struct {
				later time.Duration
				runs  bool
			}{{0, true}, {0, false}, {5*time.Minute - 1, false}, {1, true}, {time.Minute, false}} {
				now = now.Add(step.later)
				result := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
				if step.runs {
					d.next(t, "docker-credential-store", "ghcr.io").do(t, s)
				}
				if got := <-result; got.err != nil {
					t.Error(got.err)
				}
				d.idle(t)
			}
		})
	}
}

func TestAnExpiredAnswerIsDroppedThoughNobodyAsksForItAgain(t *testing.T) {
	d := newDirector(t, "store")
	d.always(t, says("bob"))
	now := time.Now()
	o := d.options()
	o.Now = func() time.Time { return now }
	k := credential.Config(write(t, t.TempDir(), "config.json", `{"credsStore":"store"}`), o)
	for _, registry := range []string{"a.example", "b.example", "c.example"} {
		(<-look(t.Context(), k, repository(t, registry+"/a/b"))).config(t)
		now = now.Add(3 * time.Minute)
	}
	if n := k.Cached(); n != 2 {
		t.Errorf("%d answers are cached, want the last two", n)
	}
}

func TestAFailureIsNotCached(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	result := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
	d.next(t, "docker-credential-store", "ghcr.io").do(t, script{Exit: 1})
	if got := <-result; got.err == nil {
		t.Error("no error")
	}
	result = look(t.Context(), k, repository(t, "ghcr.io/a/b"))
	d.next(t, "docker-credential-store", "ghcr.io").do(t, says("bob"))
	if got := (<-result).config(t); got.Username != "bob" {
		t.Errorf("got %+v", got)
	}
}

func TestRefusedCredentialsAreFetchedAgain(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	target, other := repository(t, "ghcr.io/a/b"), repository(t, "quay.io/a/b")
	resolve := func(target authn.Resource, registry, user string) authn.Authenticator {
		t.Helper()
		result := look(t.Context(), k, target)
		if user != "" {
			s := says(user)
			if user == "nobody" {
				s = script{Stdout: "credentials not found in native keychain", Exit: 1}
			}
			d.next(t, "docker-credential-store", registry).do(t, s)
		}
		got := <-result
		if got.err != nil {
			t.Fatal(got.err)
		}
		d.idle(t)
		return got.auth
	}
	old := resolve(target, "ghcr.io", "old")
	resolve(other, "quay.io", "other")
	k.Forget(target, old)
	renewed := resolve(target, "ghcr.io", "new")
	k.Forget(target, old) // another caller, late
	if again := resolve(target, "ghcr.io", ""); (outcome{again, nil}).config(t) != (outcome{renewed, nil}).config(t) {
		t.Error("the renewed credentials were forgotten")
	}
	resolve(other, "quay.io", "")
	k.Forget(target, renewed)
	none := resolve(target, "ghcr.io", "nobody")
	k.Forget(target, none) // refused without credentials: there may be some now
	resolve(target, "ghcr.io", "bob")
	resolve(other, "quay.io", "") // its answer was never refused
}

func TestARunIsNotCachedIfARefusalComesDuringIt(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	target := repository(t, "ghcr.io/a/b")
	result := look(t.Context(), k, target)
	p := d.next(t, "docker-credential-store", "ghcr.io")
	k.Forget(target, authn.Anonymous)
	p.do(t, says("bob"))
	(<-result).config(t)
	result = look(t.Context(), k, target)
	d.next(t, "docker-credential-store", "ghcr.io").do(t, says("bob"))
	(<-result).config(t)
}
