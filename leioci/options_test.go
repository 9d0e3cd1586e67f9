package leioci_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestNewRefusesAWrongOption(t *testing.T) {
	for name, opts := range map[string][]leioci.Option{
		"an empty token":                 {leioci.WithToken("ghcr.io", "")},
		"a token with a newline":         {leioci.WithToken("ghcr.io", "secret\n")},
		"a token with CR and LF":         {leioci.WithToken("ghcr.io", "secret\r\nX-Injected: 1")},
		"a token with a space":           {leioci.WithToken("ghcr.io", "secret x")},
		"a token outside ASCII":          {leioci.WithToken("ghcr.io", "secreté")},
		"a token for no registry":        {leioci.WithToken("", "secret")},
		"a token for a repository":       {leioci.WithToken("ghcr.io/org", "secret")},
		"two tokens for one registry":    {leioci.WithToken("ghcr.io", "secret"), leioci.WithToken("ghcr.io", "secret2")},
		"a token and other auth":         {leioci.WithToken("docker.io", "secret"), leioci.WithAuth("index.docker.io", authn.Anonymous)},
		"no auth":                        {leioci.WithAuth("ghcr.io", nil)},
		"no keychain":                    {leioci.WithKeychain(nil)},
		"no transport":                   {leioci.WithTransport(nil)},
		"no logger":                      {leioci.WithLogger(nil)},
		"no concurrency":                 {leioci.WithConcurrency(0)},
		"no bytes":                       {leioci.WithMaxBlobBytes(0)},
		"a user agent with a newline":    {leioci.WithUserAgent("x\r\ny")},
		"less than no attempts":          {leioci.WithRetry(leioci.RetryPolicy{Attempts: -1})},
		"a delay below the other":        {leioci.WithRetry(leioci.RetryPolicy{MinDelay: 2, MaxDelay: 1})},
		"no time to stall":               {leioci.WithStallTimeout(0)},
		"plain HTTP for a repository":    {leioci.WithPlainHTTP("ghcr.io/org")},
		"no private networks":            {leioci.WithPrivateRedirects()},
		"a private network that is none": {leioci.WithPrivateRedirects(netip.Prefix{})},
		"a user agent without a name":    {leioci.WithUserAgent("")},
	} {
		_, err := leioci.New(opts...)
		if err == nil {
			t.Errorf("%s was accepted", name)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows it: %v", name, err)
		}
	}
}

func TestATokenIsForItsOwnRegistryAlone(t *testing.T) {
	const token = "s3cret-token"
	var mu sync.Mutex
	shown := map[string][]string{}
	record := func(reg *leiocitest.Registry) {
		reg.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			mu.Lock()
			shown[reg.Host()] = append(shown[reg.Host()], r.Header.Get("Authorization"))
			mu.Unlock()
			registry.ServeHTTP(w, r)
		})
	}
	store := leiocitest.NewHandler()
	named, other := leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			challenging(`Bearer realm="https://auth.invalid/token"`)(w, r)
			return
		}
		store.ServeHTTP(w, r)
	})), leiocitest.NewRegistry(t)
	pushSample(t, newClient(t, leioci.WithToken(named.Host(), token)), repository(t, named), "latest")
	pushSample(t, newClient(t), repository(t, other), "latest")
	// The named registry redirects blobs to the other one, as many registries do to their storage.
	named.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		mu.Lock()
		shown[named.Host()] = append(shown[named.Host()], r.Header.Get("Authorization"))
		mu.Unlock()
		http.Redirect(w, r, "http://localhost:"+port(other)+r.URL.Path, http.StatusTemporaryRedirect)
	})
	record(named)
	record(other)
	var log bytes.Buffer
	logger := logrus.New()
	logger.SetOutput(&log)
	logger.SetLevel(logrus.TraceLevel)
	c := newClient(t, leioci.WithToken(named.Host(), token), leioci.WithLogger(logger))
	for _, reg := range []*leiocitest.Registry{named, other} {
		if _, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	want := "Bearer " + token
	if i := slices.IndexFunc(shown[named.Host()][1:], func(s string) bool { return s != want }); i >= 0 { // after the first request
		t.Errorf("the named registry was shown %q", shown[named.Host()])
	}
	if i := slices.IndexFunc(shown[other.Host()], func(s string) bool { return s != "" }); i >= 0 || len(shown[other.Host()]) < 3 {
		t.Errorf("the other registry was shown %q", shown[other.Host()])
	}
	if log.Len() == 0 || strings.Contains(log.String(), token) {
		t.Errorf("the log says %s", log.String())
	}
}

func port(reg *leiocitest.Registry) string {
	_, port, _ := strings.Cut(reg.Host(), ":")
	return port
}

func TestErrorsKeepTheTokenToThemselves(t *testing.T) {
	const token = "s3cret-token"
	reg := leiocitest.NewRegistry(t)
	reg.On(http.MethodGet, "/org/", leiocitest.Always, leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"))
	c := newClient(t, leioci.WithToken(reg.Host(), token))
	_, err := c.PullManifest(t.Context(), repository(t, reg).Tag("latest"))
	if !errors.Is(err, leioci.ErrUnauthorized) || strings.Contains(err.Error(), token) {
		t.Errorf("got %v", err)
	}
}

func TestTheUserAgentNamesTheProgram(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	var mu sync.Mutex
	agents := map[string]bool{}
	reg.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		name, _, _ := strings.Cut(r.UserAgent(), " ")
		agents[name] = true
		mu.Unlock()
		registry.ServeHTTP(w, r)
	})
	pushSample(t, newClient(t, leioci.WithUserAgent("my-service/1.0")), repository(t, reg), "latest")
	mu.Lock()
	defer mu.Unlock()
	if len(agents) != 1 || !agents["my-service/1.0"] {
		t.Errorf("got %v", agents)
	}
}

func TestNewWorksWithoutAHomeDirectory(t *testing.T) {
	for _, name := range []string{"HOME", "USERPROFILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PATH"} {
		t.Setenv(name, "")
	}
	reg := leiocitest.NewRegistry(t)
	pushSample(t, newClient(t), repository(t, reg), "latest")
}

func TestDockerHubIsOneRegistryHoweverItIsWritten(t *testing.T) {
	for _, host := range []string{"docker.io", "Docker.io", "index.docker.io", "INDEX.DOCKER.IO"} {
		_, err := leioci.New(leioci.WithToken("docker.io", "t0ken"), leioci.WithToken(host, "another"))
		if err == nil || !strings.Contains(err.Error(), "duplicate credentials for index.docker.io") {
			t.Errorf("%s: got %v", host, err)
		}
	}
}
