package credential_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

func TestAConfigurationThatCannotBeReadIsNamedAndNotShown(t *testing.T) {
	for name, tc := range map[string]struct{ content, says string }{
		"not JSON":               {`{"auths":{"ghcr.io":{"auth":s3cret}}}`, "invalid JSON at byte "},
		"another character":      {`s3cret`, "invalid JSON at byte 1"},
		"cut off":                {`{"auths":{"ghcr.io":{"auth":"s3cret`, "unexpected end"},
		"a number for a secret":  {`{"auths":{"ghcr.io":{"auth":31337}}}`, "wrong type of value at byte "},
		"a list of entries":      {`{"auths":["s3cret"]}`, "wrong type of value at byte "},
		"not base64":             {`{"auths":{"ghcr.io":{"auth":"s3cret!"}}}`, "not base64"},
		"base64 without a colon": {`{"auths":{"ghcr.io":{"auth":"czNjcmV0"}}}`, "not the base64 of user:password"},
		"base64 without a user":  {`{"auths":{"ghcr.io":{"auth":"OnMzY3JldA=="}}}`, "not the base64 of user:password"},
		"UTF-16":                 {"\xff\xfe{\x00}\x00", "encoded as UTF-16"},
		"a number for a store":   {`{"credsStore":31337}`, "credsStore: wrong type of value at byte "},
		"a list for a helper":    {`{"credHelpers":{"ghcr.io":["s3cret"]}}`, `credHelpers "ghcr.io": wrong type of value at byte `},
		"nested too deeply":      {strings.Repeat("[", 1<<20), "invalid JSON at byte "},
		"too large":              {strings.Repeat(" ", 5<<20), "larger than 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, t.TempDir(), "config.json", tc.content)
			for config, k := range map[string]*credential.Keychain{
				path:                 credential.Config(path, environ()),
				"DOCKER_AUTH_CONFIG": credential.Default(environ("DOCKER_AUTH_CONFIG=" + tc.content)),
			} {
				auth, err := k.Resolve(repository(t, "ghcr.io/a/b"))
				var failed *credential.ConfigError
				if auth != nil || !errors.As(err, &failed) || failed.Config != config {
					t.Fatalf("got %v, %v", auth, err)
				}
				text := fmt.Sprintf("%v %+v %#v %#v", err, err, failed, failed.Err)
				if !strings.Contains(err.Error(), config) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %s", err)
				}
				if strings.Contains(text, "s3cret") || strings.Contains(text, "czNjcmV0") || strings.Contains(text, "31337") {
					t.Errorf("it shows the secret: %s", text)
				}
			}
		})
	}
}

func TestAConfigurationThatIsNotAFileIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "{}")
	for name, tc := range map[string]struct {
		keychain *credential.Keychain
		config   string
		want     error
	}{
		"a given path that is not there": {credential.Config(filepath.Join(dir, "absent"), environ()), filepath.Join(dir, "absent"), fs.ErrNotExist},
		"a directory in a file's place":  {credential.Default(environ("REGISTRY_AUTH_FILE=" + dir)), dir, nil},
		"a file in a directory's place":  {credential.Default(environ("DOCKER_CONFIG=" + filepath.Join(dir, "file"))), filepath.Join(dir, "file", "config.json"), nil},
		"an impossible name":             {credential.Config("a\x00b", environ()), "a\x00b", nil},
		"no name":                        {credential.Config("", environ()), ".", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.keychain.Resolve(repository(t, "ghcr.io/a/b"))
			var failed *credential.ConfigError
			if !errors.As(err, &failed) || failed.Config != tc.config || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEveryKindOfEntryIsUnderstood(t *testing.T) {
	for content, want := range map[string]struct {
		auth authn.AuthConfig
		kind string
	}{
		`{"auth":"dTpw"}`:                     {authn.AuthConfig{Username: "u", Password: "p"}, "password"},
		`{"auth":"dTpwOnE="}`:                 {authn.AuthConfig{Username: "u", Password: "p:q"}, "password"},
		`{"username":"u","password":"p"}`:     {authn.AuthConfig{Username: "u", Password: "p"}, "password"},
		`{"identitytoken":"i"}`:               {authn.AuthConfig{IdentityToken: "i"}, "identity token"},
		`{"auth":"dTo=","identitytoken":"i"}`: {authn.AuthConfig{Username: "u", IdentityToken: "i"}, "identity token"},
		`{"registrytoken":"r"}`:               {authn.AuthConfig{RegistryToken: "r"}, "registry token"},
	} {
		k := credential.Config(write(t, t.TempDir(), "auth.json", `{"auths":{"ghcr.io":`+content+`,"ghcr.io/a":{}}}`), environ())
		found, err := k.Resolve(repository(t, "ghcr.io/a/b")) // the empty entry for ghcr.io/a does not count
		if err != nil {
			t.Fatal(err)
		}
		got, err := found.Authorization()
		if err != nil || *got != want.auth || found.(credential.Sourced).Source().Kind != want.kind {
			t.Errorf("%s: got %+v, %v, %s", content, got, err, found)
		}
	}
}

func TestCredentialsDoNotPrintTheirSecret(t *testing.T) {
	path := write(t, t.TempDir(), "config.json", `{"auths":{"ghcr.io":{"username":"bob","password":"s3cret"}}}`)
	found, err := credential.Config(path, environ()).Resolve(repository(t, "ghcr.io/a/b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(verb, found)
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "bob") || !strings.Contains(text, "config.json") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
	if want := `password of "bob", entry "ghcr.io" in ` + path; fmt.Sprint(found) != want {
		t.Errorf("got %s, want %s", found, want)
	}
}

// errorText matches every error about a configuration. None quotes the configuration's own text.
var errorText = regexp.MustCompile(`^credentials in DOCKER_AUTH_CONFIG: (invalid JSON at byte \d+|invalid JSON: unexpected end|` +
	`not a docker configuration: wrong type of value at byte \d+|encoded as UTF-16, want UTF-8|` +
	`((entry|credHelpers) ".*"|credsStore): (wrong type of value at byte \d+ of it|"auth" is not base64|"auth" is not the base64 of user:password))` +
	`; correct it, or remove it and log in again$`)

func FuzzConfiguration(f *testing.F) {
	f.Add(auths(f, "ghcr.io", "https://index.docker.io/v1/", "ghcr.io/org"), "ghcr.io/org/repo")
	f.Add(`{"auths":{"ghcr.io":{"auth":31337}}}`, "ghcr.io/org/repo")
	f.Add(`{"auths":{"https://[::1/v2/":{"identitytoken":"x"},"%zz://a":{"auth":"OnMzY3JldA=="}}}`, "docker.io/a/b")
	f.Add(`{"credsStore":"../../bin/sh","credHelpers":{"ghcr.io":"absent"}}`, "ghcr.io/a/b")
	f.Add(`null`, "ghcr.io/a/b")
	f.Add("\ufeff{\"credsStore\":1,\"credHelpers\":{\"https://u:p@ghcr.io/a\":[]}}", "ghcr.io/a/b")
	f.Add(`{"auths":{"ghcr.io":5,"ghcr.io/a":{"auth":"*"},"ghcr.io/a/b":null}}`, "ghcr.io/a/b")
	f.Fuzz(func(t *testing.T, content, ref string) {
		target, err := leioci.ParseRepository(ref)
		if err != nil || content == "" {
			return
		}
		k := credential.Default(environ("DOCKER_AUTH_CONFIG="+content, "PATH="+os.DevNull))
		first, err := k.ResolveContext(t.Context(), target)
		var helper *credential.HelperError
		if errors.As(err, &helper) {
			return
		}
		if err != nil && !errorText.MatchString(err.Error()) {
			t.Fatalf("got %q", err)
		}
		again, err2 := k.ResolveContext(t.Context(), target)
		if (err == nil) != (err2 == nil) || fmt.Sprint(first) != fmt.Sprint(again) {
			t.Errorf("got %v, %v and then %v, %v", first, err, again, err2)
		}
		if found, ok := first.(credential.Sourced); ok && !strings.Contains(strings.ToLower(found.Source().Key), host(target)) {
			t.Errorf("%s for %s", found, target)
		}
	})
}

// host returns what every key for a target contains.
func host(target authn.Resource) string {
	if target.RegistryStr() == "index.docker.io" {
		return "docker.io"
	}
	return strings.ToLower(target.RegistryStr())
}
