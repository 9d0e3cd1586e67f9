package leioci_test

import (
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/credential"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// publicRegistry is a registry that everybody may read and to which bob may write, either with
// tokens or with basic authentication.
func publicRegistry(t *testing.T, tokens bool) *leiocitest.Registry {
	t.Helper()
	if tokens {
		server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "right"}})
		return leiocitest.Serve(t, server.Protect(leiocitest.NewHandler()))
	}
	store := leiocitest.NewHandler()
	guarded := leiocitest.BasicAuth("bob", "right", store)
	return leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, sent := r.BasicAuth()
		if reading := r.Method == http.MethodGet || r.Method == http.MethodHead; reading && !sent && r.URL.Path != "/v2/" {
			store.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	}))
}

// logTo logs to what a test reads: a [testenv.LogBuffer].
func logTo(log io.Writer) leioci.Option {
	l := logrus.New()
	l.SetOutput(log)
	return leioci.WithLogger(l)
}

func TestStoredCredentialsThatAreStaleDoNotKeepFromReading(t *testing.T) {
	for name, tokens := range map[string]bool{"basic": false, "token": true} {
		t.Run(name, func(t *testing.T) {
			reg := publicRegistry(t, tokens)
			repo := repository(t, reg)
			pushSample(t, newClient(t, leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: "right"})), repo, "latest")
			stale := leioci.WithKeychain(keychain{&authn.Basic{Username: "bob", Password: "s3cret-and-old"}})
			var log testenv.LogBuffer
			c := newClient(t, stale, logTo(&log))
			for range 2 {
				if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
					t.Error(err)
				}
			}
			warnings := map[bool]int{true: 1}[tokens] // without tokens, nobody asks for the credentials
			if n := strings.Count(log.String(), "refuses the stored credentials"); n != warnings || strings.Contains(log.String(), "s3cret") {
				t.Errorf("%d warnings, want %d:\n%s", n, warnings, log.String())
			}
			manifest, blobs := sample(t)
			_, err := c.Push(t.Context(), repo, []string{"new"}, manifest, blobs)
			if !errors.Is(err, leioci.ErrUnauthorized) || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "docker login "+reg.Host()) {
				t.Errorf("a push: got %v", err)
			}
			// Credentials given for the registry are wrong, not outdated.
			given := newClient(t, leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: "s3cret"}))
			if _, err := given.PullManifest(t.Context(), repo.Tag("latest")); tokens && !errors.Is(err, leioci.ErrUnauthorized) || !tokens && err != nil {
				t.Errorf("credentials that were given: got %v", err)
			}
			if _, err := given.Push(t.Context(), repo, []string{"new"}, manifest, blobs); !errors.Is(err, leioci.ErrUnauthorized) {
				t.Errorf("a push with credentials that were given: got %v", err)
			}
		})
	}
}

// failing is a keychain whose helper fails.
type failing struct{ err error }

func (f failing) Resolve(authn.Resource) (authn.Authenticator, error) { return nil, f.err }

func TestAHelperThatFailsKeepsFromWritingButNotFromReading(t *testing.T) {
	reg := publicRegistry(t, true)
	repo := repository(t, reg)
	pushSample(t, newClient(t, leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: "right"})), repo, "latest")
	for name, err := range map[string]error{
		"a helper that is missing": &credential.HelperError{Helper: "docker-credential-absent", Config: "/etc/config.json", Registry: reg.Host(), Err: exec.ErrNotFound},
		"a file that is broken":    &credential.ConfigError{Config: "/etc/config.json", Err: errors.New("not JSON")},
	} {
		t.Run(name, func(t *testing.T) {
			var log testenv.LogBuffer
			c := newClient(t, leioci.WithKeychain(failing{err}), logTo(&log))
			if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), "level=warning") || !strings.Contains(log.String(), err.Error()[:30]) {
				t.Errorf("no warning: %s", log.String())
			}
			manifest, blobs := sample(t)
			_, perr := c.Push(t.Context(), repo, []string{"new"}, manifest, blobs)
			if !errors.Is(perr, err) || !strings.Contains(perr.Error(), "/etc/config.json") {
				t.Errorf("a push: got %v", perr)
			}
		})
	}
}

func TestARefusalSaysWhyThereWereNoCredentials(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
	missing := &credential.HelperError{Helper: "docker-credential-absent", Config: "/etc/config.json", Registry: reg.Host(), Err: exec.ErrNotFound}
	for says, c := range map[string]*leioci.Client{
		"docker-credential-absent":   newClient(t, leioci.WithKeychain(failing{missing})),
		"none are stored":            newClient(t),
		"the keychain's credentials": newClient(t, leioci.WithKeychain(keychain{&authn.Basic{Username: "bob", Password: "wrong"}})),
	} {
		_, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if !errors.Is(err, leioci.ErrUnauthorized) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "DefaultKeychain") {
			t.Errorf("want %q, got %v", says, err)
		}
	}
	// Logging in would not help, because the given credentials take precedence.
	_, err := newClient(t, leioci.WithToken(reg.Host(), "t0ken")).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
	if !errors.Is(err, leioci.ErrUnauthorized) || !strings.Contains(err.Error(), "does not accept the credentials given for 127.0.0.1") || strings.Contains(err.Error(), "docker login") {
		t.Errorf("got %v", err)
	}
}

// renewing is a keychain whose credentials change once it was told to forget them.
type renewing struct {
	mu      sync.Mutex
	asked   int
	forgets int
}

func (r *renewing) Resolve(authn.Resource) (authn.Authenticator, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.forgets > 0 {
		return &authn.Basic{Username: "bob", Password: "right"}, nil
	}
	return &authn.Basic{Username: "bob", Password: "s3cret-and-old"}, nil
}

// counts returns how often it was asked, and told to forget.
func (r *renewing) counts() (asked, forgets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked, r.forgets
}

func (r *renewing) Forget(authn.Resource, authn.Authenticator) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgets++
}

func TestCredentialsThatAreRefusedAreLookedForAgain(t *testing.T) {
	reg := leiocitest.Serve(t, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
	for name, do := range map[string]func(*leioci.Client) error{
		"a push": func(c *leioci.Client) error {
			manifest, blobs := sample(t)
			_, err := c.Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
			return err
		},
		"a listing": func(c *leioci.Client) error { _, err := c.Tags(t.Context(), repository(t, reg)); return err },
	} {
		k := &renewing{}
		if name == "a listing" {
			pushSample(t, newClient(t, leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: "right"})), repository(t, reg), "latest")
		}
		err := do(newClient(t, leioci.WithKeychain(k)))
		if asked, forgets := k.counts(); err != nil || forgets != 1 || asked != 2 {
			t.Errorf("%s: got %v; asked %d times, told to forget %d times", name, err, asked, forgets)
		}
	}
}

func TestAKeychainIsAskedAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := leiocitest.NewNetwork(t)
		network.Serve(registryHost, leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler()))
		k := &renewing{forgets: 1}
		c, err := leioci.New(leioci.WithTransport(network.Transport()), leioci.WithPlainHTTP(registryHost), leioci.WithKeychain(k))
		must(t, err)
		repo, err := leioci.ParseRepository(registryHost + "/org/lei-cache")
		must(t, err)
		pushSample(t, c, repo, "latest")
		before, _ := k.counts()
		pushSample(t, c, repo, "latest")
		if asked, _ := k.counts(); asked != before {
			t.Errorf("it was asked %d times for the same", asked)
		}
		time.Sleep(6 * time.Minute)
		pushSample(t, c, repo, "latest")
		if asked, _ := k.counts(); asked != before+1 {
			t.Errorf("it was asked %d times, want %d", asked, before+1)
		}
	})
}

func TestATokenThatExpiresDuringALongPullIsRenewed(t *testing.T) {
	server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "right"}})
	reg := leiocitest.Serve(t, server.Protect(leiocitest.NewHandler()))
	c, repo := newClient(t, fast(), leioci.WithAuth(reg.Host(), &authn.Basic{Username: "bob", Password: "right"})), repository(t, reg)
	pushSample(t, c, repo, "latest")
	broken := reg.On(http.MethodGet, "/blobs/"+sampleCache, 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		defer server.Expire() // while the blob is being sent
		leiocitest.Truncate(1000)(w, r, registry)
	})
	if _, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei")); err != nil {
		t.Error(err)
	}
	if broken.Hits() != 1 {
		t.Error("the blob did not break off")
	}
}

// loggedIn is a keychain that has credentials only after somebody has logged in.
type loggedIn struct {
	mu   sync.Mutex
	auth authn.Authenticator
	err  error
}

func (l *loggedIn) Resolve(authn.Resource) (authn.Authenticator, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.auth, l.err
}

func (l *loggedIn) login(a authn.Authenticator) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.auth, l.err = a, nil
}

// private gives one user full access, and nobody else any.
func private(user string, asked leiocitest.Access) []string {
	if user == "" {
		return nil
	}
	return asked.Actions
}

func TestALoginIsSeenByAClientThatWasRefusedWithoutOne(t *testing.T) {
	for name, tokens := range map[string]bool{"basic": false, "token": true} {
		t.Run(name, func(t *testing.T) {
			handler := leiocitest.BasicAuth("bob", "right", leiocitest.NewHandler())
			if tokens {
				handler = leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "right"}, Policy: private}).Protect(leiocitest.NewHandler())
			}
			reg := leiocitest.Serve(t, handler)
			repo := repository(t, reg)
			right := &authn.Basic{Username: "bob", Password: "right"}
			pushSample(t, newClient(t, leioci.WithAuth(reg.Host(), right)), repo, "latest")
			k := &loggedIn{auth: authn.Anonymous}
			c := newClient(t, leioci.WithKeychain(k))
			if _, err := c.PullManifest(t.Context(), repo.Tag("latest")); !errors.Is(err, leioci.ErrUnauthorized) && !errors.Is(err, leioci.ErrDenied) {
				t.Fatalf("before the login: %v", err)
			}
			k.login(right)
			if _, err := c.PullManifest(t.Context(), repo.Tag("latest")); err != nil {
				t.Errorf("after the login: %v", err)
			}
		})
	}
}

func TestARateLimitIsNoRefusalOfTheCredentials(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	pushSample(t, newClient(t), repo, "latest")
	fault := reg.On(http.MethodGet, "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "TOOMANYREQUESTS"))
	c := newClient(t, once(), leioci.WithKeychain(keychain{&authn.Basic{Username: "bob", Password: "right"}}))
	_, err := c.PullManifest(t.Context(), repo.Tag("latest"))
	var limited *leioci.RateLimitError
	if !errors.As(err, &limited) || fault.Hits() != 1 {
		t.Errorf("%d requests, %v", fault.Hits(), err)
	}
}
