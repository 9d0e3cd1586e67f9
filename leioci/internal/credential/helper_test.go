package credential_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

// configured returns a keychain with this configuration and the director's helpers, and the
// configuration's path.
func (d *director) configured(t *testing.T, content string) (*credential.Keychain, string) {
	t.Helper()
	path := write(t, t.TempDir(), "config.json", content)
	return credential.Config(path, d.options()), path
}

func TestAHelpersAnswerIsUsed(t *testing.T) {
	for name, tc := range map[string]struct {
		config, target string
		helper, asked  string
		says           script
		want           authn.AuthConfig
		key            string
	}{
		"credsStore": {
			`{"credsStore":"store"}`, "ghcr.io/a/b", "store", "ghcr.io",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"ghcr.io",
		},
		"an identity token": {
			`{"credsStore":"store"}`, "ghcr.io/a/b", "store", "ghcr.io",
			says("<token>"),
			authn.AuthConfig{IdentityToken: "s3cret"},
			"ghcr.io",
		},
		"Docker Hub": {
			`{"credsStore":"store"}`, "docker.io/a/b", "store", "https://index.docker.io/v1/",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"https://index.docker.io/v1/",
		},
		"credHelpers before credsStore before auths": {
			`{"credsStore":"store","credHelpers":{"ghcr.io":"one"},"auths":{"ghcr.io":{"auth":"dTpw"}}}`, "ghcr.io/a/b", "one", "ghcr.io",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"ghcr.io",
		},
		"credsStore before auths": {
			`{"credsStore":"store","credHelpers":{"quay.io":"one"},"auths":{"ghcr.io":{"auth":"dTpw"}}}`, "ghcr.io/a/b", "store", "ghcr.io",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"ghcr.io",
		},
		"credHelpers, a URL": {
			`{"credHelpers":{"https://index.docker.io/v1/":"one"}}`, "docker.io/a/b", "one", "https://index.docker.io/v1/",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"https://index.docker.io/v1/",
		},
		"a byte order mark": {
			`{"credsStore":"store"}`, "ghcr.io/a/b", "store", "ghcr.io",
			script{Stdout: "\ufeff" + says("bob").Stdout},
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"ghcr.io",
		},
		"an IPv6 address": {
			`{"credHelpers":{"http://[::1]/v2/":"one"}}`, "[::1]/a/b", "one", "[::1]",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"http://[::1]/v2/",
		},
		"an IPv6 address with a port": {
			`{"credsStore":"store"}`, "[::1]:5000/a/b", "store", "[::1]:5000",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"[::1]:5000",
		},
		"a user in a URL": {
			`{"credHelpers":{"https://bob:hunter2@ghcr.io/a":"one"}}`, "ghcr.io/a/b", "one", "ghcr.io/a",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"https://ghcr.io/a",
		},
		"credHelpers, the longest path": {
			`{"credHelpers":{"ghcr.io":"store","ghcr.io/a":"one"}}`, "ghcr.io/a/b", "one", "ghcr.io/a",
			says("bob"),
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"ghcr.io/a",
		},
		"more on standard error": {
			`{"credsStore":"store"}`, "ghcr.io/a/b", "store", "ghcr.io",
			script{Stdout: says("bob").Stdout, Stderr: strings.Repeat("w", 1<<20)},
			authn.AuthConfig{Username: "bob", Password: "s3cret"},
			"ghcr.io",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, "store", "one")
			k, path := d.configured(t, tc.config)
			result := look(t.Context(), k, repository(t, tc.target))
			p := d.next(t, "docker-credential-"+tc.helper, tc.asked)
			if !slices.Equal(p.Args, []string{"get"}) {
				t.Errorf("arguments %q", p.Args)
			}
			p.do(t, tc.says)
			got := <-result
			if got.config(t) != tc.want {
				t.Errorf("got %+v", got.config(t))
			}
			s := got.auth.(credential.Sourced).Source()
			if s.Config != path || s.Key != tc.key || s.Helper != "docker-credential-"+tc.helper || s.Username != tc.want.Username {
				t.Errorf("from %s", s)
			}
		})
	}
}

func TestAHelperWithoutCredentialsFallsThroughToTheNext(t *testing.T) {
	for name, nothing := range map[string]script{
		"the documented message": {Stdout: "credentials not found in native keychain\n", Exit: 1},
		"an empty object":        {Stdout: "{}"},
		"an empty token":         {Stdout: `{"ServerURL":"ghcr.io","Username":"<token>","Secret":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, "store", "one")
			k, _ := d.configured(t, `{"credsStore":"store","credHelpers":{"ghcr.io":"one"},"auths":{"ghcr.io":{"username":"file","password":"s3cret"}}}`)
			result := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
			d.next(t, "docker-credential-one", "ghcr.io").do(t, nothing)
			d.next(t, "docker-credential-store", "ghcr.io").do(t, nothing)
			if got := (<-result).config(t); got.Username != "file" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAnEmptyHelperNameMeansNone(t *testing.T) {
	k, _ := newDirector(t).configured(t, `{"credsStore":"store","credHelpers":{"ghcr.io":""},"auths":{"ghcr.io":{"username":"file","password":"s3cret"}}}`)
	if got := source(t, k, repository(t, "ghcr.io/a/b")); got.Username != "file" {
		t.Errorf("got %s", got)
	}
}

func TestAHelperThatFailsIsNamedWithWhatItSaid(t *testing.T) {
	const secret = `{"Username":"bob","Secret":"s3cret"}`
	exited := func(err error) bool {
		var exit *exec.ExitError
		return errors.As(err, &exit)
	}
	garbage := func(err error) bool {
		return strings.Contains(err.Error(), "response is not the JSON object of the credential helper protocol")
	}
	for name, tc := range map[string]struct {
		says  script
		said  string
		cause func(error) bool
	}{
		"exits 1":                                 {script{Exit: 1, Stderr: "pass: \x1b[31m\x00locked\r\n"}, "pass: [31m locked", exited},
		"exits 1 after printing a secret":         {script{Exit: 1, Stdout: secret}, "", exited},
		"exits 1 with the protocol's answer":      {script{Exit: 1, Stdout: "no credentials server URL\n"}, "no credentials server URL", exited},
		"prints garbage":                          {script{Stdout: "s3cret", Stderr: "hello"}, "hello", garbage},
		"prints another type":                     {script{Stdout: `{"Secret":31337}`}, "", garbage},
		"prints nothing":                          {script{}, "", garbage},
		"says too much":                           {script{Exit: 1, Stderr: strings.Repeat("e", 5<<10)}, strings.Repeat("e", 1<<10), exited},
		"shows its secret on standard error, too": {script{Stdout: `{"Username":"bob","Secret":"s3cret"}`, Stderr: "+ echo s3cret", Exit: 1}, "+ echo ***", exited},
		"shows one that is cut off":               {script{Stdout: `{"Secret":"s3cret"}`, Stderr: strings.Repeat("e", 1<<10-5) + "s3cret", Exit: 1}, strings.Repeat("e", 1<<10-5) + "***", exited},
		"shows what is not the protocol's":        {script{Stdout: "s3cret\n", Stderr: "got s3cret"}, "got ***", garbage},
		"shows a number":                          {script{Stdout: `{"Secret":31337313373133731337} `, Stderr: "got 31337313373133731337"}, "got ***", garbage},
		"shows one that lacks its end":            {script{Stdout: `{"ServerURL":"ghcr.io", "Username":"bob", "Secret": "s3cret`, Stderr: "got s3cret", Exit: 1}, "got ***", exited},
		"shows one that lacks a brace":            {script{Stdout: `{"Username":"bob", "Secret":"s3cret"`, Stderr: "got s3cret"}, "got ***", garbage},
		"shows one after a word":                  {script{Stdout: `warning: {"Username":"bob", "Secret":"s3cret"}`, Stderr: "got s3cret"}, "got ***", garbage},
		"shows one with a space":                  {script{Stdout: `{"Secret":"s3cret \"31337"`, Stderr: `got s3cret "31337`}, "got ***", garbage},
		"shows the value of a shell":              {script{Stdout: "Username=bob\npassword = s3cret\n", Stderr: "got s3cret"}, "got ***", garbage},
		"says it twice":                           {script{Stdout: "it is locked\n", Stderr: "it is locked\n", Exit: 1}, "it is locked", exited},
		"traces its answer":                       {script{Stderr: `+ echo {"Username":"bob","Secret":"s3cret \"31337"}`, Exit: 1}, `+ echo {"Username":"bob","Secret":***}`, exited},
		"shows its input":                         {script{Stderr: "PASSWORD='s3cret' token=s3cret; https://bob:s3cret@ghcr.io Authorization: Basic s3cret31337", Exit: 1}, "PASSWORD=*** token=***; https://***@ghcr.io Authorization: Basic ***", exited},
		"turns the text around":                   {script{Stderr: "a\u202eb\u009bc", Exit: 1}, "a b c", exited},
		"prints without end":                      {script{Stdout: strings.Repeat("s3cret", 1<<18), Hang: true}, "", func(err error) bool { return strings.Contains(err.Error(), "more than 1 MiB of output") }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, "store")
			k, path := d.configured(t, `{"credsStore":"store"}`)
			result := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
			d.next(t, "docker-credential-store", "ghcr.io").do(t, tc.says)
			got := <-result
			var failed *credential.HelperError
			if got.auth != nil || !errors.As(got.err, &failed) {
				t.Fatalf("got %v, %v", got.auth, got.err)
			}
			if failed.Helper != "docker-credential-store" || failed.Config != path || failed.Registry != "ghcr.io" || failed.Said != tc.said {
				t.Errorf("got %+v", failed)
			}
			if !tc.cause(got.err) {
				t.Errorf("caused by %v", failed.Err)
			}
			for _, word := range []string{"docker-credential-store", path, "ghcr.io"} {
				if !strings.Contains(got.err.Error(), word) {
					t.Errorf("no %s in %s", word, got.err)
				}
			}
			for err := got.err; err != nil; err = errors.Unwrap(err) {
				if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "31337") {
					t.Errorf("a secret in %s", err)
				}
			}
		})
	}
}

func TestAMissingHelperIsErrNotFound(t *testing.T) {
	d := newDirector(t, "../sub") // a program in the directory docker-credential-..
	k, _ := d.configured(t, `{"credHelpers":{"a.example":"absent","b.example":"../sub","c.example":"plain"}}`)
	write(t, d.bin, "docker-credential-plain", "not a program")
	for _, registry := range []string{"a.example", "b.example", "c.example"} {
		_, err := k.ResolveContext(t.Context(), repository(t, registry+"/a/b"))
		var failed *credential.HelperError
		if !errors.As(err, &failed) || !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("%s: got %v", registry, err)
		}
	}
}

func TestAHelperIsNotTakenFromTheWorkingDirectory(t *testing.T) {
	d := newDirector(t, "store")
	path := write(t, t.TempDir(), "config.json", `{"credsStore":"store"}`)
	t.Chdir(d.bin)
	for _, search := range []string{".", "", filepath.Join("..", filepath.Base(d.bin)), string(filepath.ListSeparator) + t.TempDir()} {
		_, err := credential.Config(path, environ("PATH="+search)).Resolve(repository(t, "ghcr.io/a/b"))
		if !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("PATH=%s: got %v", search, err)
		}
	}
}

func TestAHelperThatHangsEndsWithTheTimeout(t *testing.T) {
	d := newDirector(t, "store")
	deaf, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // the helper may be killed before it says anything
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = deaf.Close() }()
	env := append(d.options().Environ(), "HELPER_ADDR="+deaf.Addr().String())
	o := credential.Options{Environ: func() []string { return env }, RunDir: os.DevNull}
	o.Timeout = 200 * time.Millisecond
	k := credential.Config(write(t, t.TempDir(), "config.json", `{"credsStore":"store"}`), o)
	_, err = k.ResolveContext(t.Context(), repository(t, "ghcr.io/a/b"))
	var failed *credential.HelperError
	if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer in 200ms") {
		t.Errorf("got %v", err)
	}
	if t.Context().Err() != nil {
		t.Error("the caller's context has ended")
	}
}

func TestAHelperThatLeavesAProcessBehindIsNotWaitedFor(t *testing.T) {
	d := newDirector(t, "store")
	k, _ := d.configured(t, `{"credsStore":"store"}`)
	result := look(t.Context(), k, repository(t, "ghcr.io/a/b"))
	s := says("bob")
	s.Child = true // it holds the pipes, as a daemon may
	d.next(t, "docker-credential-store", "ghcr.io").do(t, s)
	if got := (<-result).config(t); got.Password != "s3cret" {
		t.Errorf("got %+v", got)
	}
}
