package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A keychain has the passwords of one user in turn: the next one each time the last is forgotten.
// The last stays.
type keychain struct {
	mu               sync.Mutex
	passwords        []string
	asked, forgotten int
}

func stored(k *keychain) func(*registry.Config) { return func(c *registry.Config) { c.Keychain = k } }

func (k *keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return &authn.Basic{Username: "bob", Password: k.passwords[min(k.forgotten, len(k.passwords)-1)]}, nil
}

func (k *keychain) Forget(authn.Resource, authn.Authenticator) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgotten++
}

// public lets everybody read a registry and bob write it. A wrong password is refused, whatever it
// is for.
func public(password string, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.Path != "/v2/"
		if r.Header.Get("Authorization") == "" && reads {
			registry.ServeHTTP(w, r)
			return
		}
		leiocitest.BasicAuth("bob", password, registry).ServeHTTP(w, r)
	})
}

func TestRefusedCredentialsAreLookedUpAgainOnceForAllThatWereRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg := w.network.Serve("main.localhost", leiocitest.BasicAuth("bob", "new", sampleHandler(t)))
		k := &keychain{passwords: []string{"old", "new"}}
		c, repo := w.client(stored(k)), repository(t, "main.localhost")
		release := make(chan struct{})
		var refusals atomic.Int64
		reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			if _, password, _ := r.BasicAuth(); password == "old" {
				<-release
				refusals.Add(1)
			}
			registry.ServeHTTP(w, r)
		})
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if _, err := readBlob(t, c.Source(repo), sample(t)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all have asked with the old password
		close(release)
		group.Wait()
		if refusals.Load() != 5 || k.forgotten != 1 || k.asked != 2 || pings(reg) != 0 {
			t.Errorf("%d were refused; the keychain has forgotten %d times and was asked %d times; there were %d pings",
				refusals.Load(), k.forgotten, k.asked, pings(reg))
		}
	})
}

func TestAPublicRepositoryIsReadWithoutCredentialsThatAreOutdated(t *testing.T) {
	for name, passwords := range map[string][]string{
		"unchanged":                {"old"},
		"replaced by wrong ones":   {"old", "older"},
		"replaced by right ones":   {"old", "new"},
		"right from the beginning": {"new"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.network.Serve("main.localhost", public("new", sampleHandler(t)))
			tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "new"}})
			reg := leiocitest.Serve(t, tokens.Protect(sampleHandler(t)))
			rt := http.DefaultTransport.(*http.Transport).Clone()
			defer rt.CloseIdleConnections()
			wrong := passwords[len(passwords)-1] != "new"
			for what, tc := range map[string]struct {
				c     *registry.Client
				host  string
				warns bool
			}{
				"without asking": {w.client(stored(&keychain{passwords: passwords})), "main.localhost", false}, // nobody asks for them
				"with a token":   {w.client(stored(&keychain{passwords: passwords}), func(c *registry.Config) { c.Transport = rt }), reg.Host(), wrong},
			} {
				w.log.Reset()
				for range 2 {
					if content, err := readBlob(t, tc.c.Source(repository(t, tc.host)), sample(t)); err != nil || content != sampleBlob {
						t.Errorf("%s: got %q, %v", what, content, err)
					}
				}
				if n := strings.Count(w.log.String(), "log in again"); n != map[bool]int{true: 1}[tc.warns] {
					t.Errorf("%s: the user was told %d times:\n%s", what, n, w.log.String())
				}
			}
		})
	}
}

func TestNothingIsPushedWithoutTheCredentialsThatWereRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		passwords []string
		sessions  int
	}{
		"unchanged":              {[]string{"old"}, 1},
		"replaced by wrong ones": {[]string{"old", "older"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var anonymous []string
			reg := w.network.Serve("main.localhost", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" && r.Header.Get("Authorization") == "" {
					anonymous = append(anonymous, r.Method)
				}
				public("new", sampleHandler(t)).ServeHTTP(rw, r)
			}))
			k := &keychain{passwords: tc.passwords}
			_, err := w.client(stored(k)).Destination(repository(t, "main.localhost")).Upload(t.Context(), newLayer("x"), newLayer("x").digest(t))
			shown, ok := errdef.NoteOf[registry.Shown](err)
			if !ok || shown.Registry != "main.localhost" || shown.Given || shown.Source == "" {
				t.Errorf("got %+v of %v", shown, err)
			}
			// A session begins with a ping or with such a request, which carries nothing.
			if slices.Contains(anonymous, http.MethodPut) || len(anonymous)+pings(reg) > 2*tc.sessions {
				t.Errorf("%q were anonymous, there were %d pings", anonymous, pings(reg))
			}
		})
	}
}

func TestGivenCredentialsThatAreRefusedAreNotReplacedByOthers(t *testing.T) {
	w := newWorld(t)
	w.network.Serve("main.localhost", leiocitest.BasicAuth("bob", "new", sampleHandler(t)))
	k := &keychain{passwords: []string{"new"}}
	given := map[string]authn.Authenticator{"main.localhost": &authn.Basic{Username: "bob", Password: "old"}}
	c := w.client(stored(k), func(c *registry.Config) { c.Auths = given })
	_, err := readBlob(t, c.Source(repository(t, "main.localhost")), sample(t))
	if shown, ok := errdef.NoteOf[registry.Shown](err); !ok || !shown.Given || k.asked != 0 {
		t.Errorf("got %+v of %v; the keychain was asked %d times", shown, err, k.asked)
	}
}

// failing is a keychain that fails.
type failing struct{ err error }

func (f failing) Resolve(authn.Resource) (authn.Authenticator, error) { return nil, f.err }

func TestAKeychainThatFailsKeepsAPushFromAnonymousAccessAndAPullOnlyIfItIsOfAnUnknownKind(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		err   error
		pulls bool
	}{
		"a helper":        {fmt.Errorf("ask: %w", &credential.HelperError{Helper: "docker-credential-x", Err: broken}), true},
		"a configuration": {&credential.ConfigError{Config: "config.json", Err: broken}, true},
		"anything else":   {broken, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			c := w.client(func(c *registry.Config) { c.Keychain = failing{tc.err} })
			if err := c.Destination(repo).Connect(t.Context()); !errors.Is(err, broken) || len(reg.Requests()) != 0 {
				t.Errorf("a push: got %v, %q", err, reg.Requests())
			}
			if _, err := readBlob(t, c.Source(repo), sample(t)); tc.pulls != (err == nil) || !tc.pulls && !errors.Is(err, broken) {
				t.Errorf("a pull: got %v", err)
			}
			if warned := strings.Contains(w.log.String(), "level=warning"); warned != tc.pulls {
				t.Errorf("warned: %v\n%s", warned, w.log.String())
			}
		})
	}
}

func TestWhoWasRefusedWithoutCredentialsIsLookedUpAgain(t *testing.T) {
	w := newWorld(t)
	w.network.Serve("main.localhost", leiocitest.BasicAuth("bob", "new", sampleHandler(t)))
	repo := repository(t, "main.localhost")
	k := &late{}
	c := w.client(func(c *registry.Config) { c.Keychain = k })
	_, err := readBlob(t, c.Source(repo), sample(t))
	if shown, ok := errdef.NoteOf[registry.Shown](err); !ok || shown.Given || !strings.Contains(shown.Source, "no credentials") {
		t.Errorf("got %+v of %v", shown, err)
	}
	k.loggedIn = true
	if content, err := readBlob(t, c.Source(repo), sample(t)); err != nil || content != sampleBlob {
		t.Errorf("after a login: got %q, %v", content, err)
	}
}

// late is a keychain that has nothing before its user logs in.
type late struct{ loggedIn bool }

func (l *late) Resolve(authn.Resource) (authn.Authenticator, error) {
	if l.loggedIn {
		return &authn.Basic{Username: "bob", Password: "new"}, nil
	}
	return authn.Anonymous, nil
}

func TestStoredCredentialsAreLookedUpAgainWhenTheyAreOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg := w.network.Serve("main.localhost", leiocitest.BasicAuth("bob", "new", sampleHandler(t)))
		k := &keychain{passwords: []string{"new"}}
		c := w.client(stored(k))
		begun := 0
		reg.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			if r.Header.Get("Authorization") == "" {
				begun++ // one request at a time
			}
			registry.ServeHTTP(w, r)
		})
		for _, step := range []struct {
			after time.Duration
			asked int
		}{{0, 1}, {time.Minute, 1}, {time.Hour, 2}, {time.Minute, 2}} {
			time.Sleep(step.after)
			_, err := readBlob(t, c.Source(repository(t, "main.localhost")), sample(t))
			must(t, err)
			if k.asked != step.asked {
				t.Errorf("the keychain was asked %d times, want %d", k.asked, step.asked)
			}
		}
		if begun != 1 {
			t.Errorf("there were %d sessions", begun)
		}
	})
}
