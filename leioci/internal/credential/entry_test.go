package credential_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

func TestAMalformedEntryFailsOnlyItsOwnTargets(t *testing.T) {
	for name, bad := range map[string]string{
		"not base64":       `{"auth":"s3cret!"}`,
		"no colon":         `{"auth":"czNjcmV0"}`,
		"a number":         `{"auth":31337}`,
		"a list":           `["s3cret"]`,
		"a string":         `"s3cret"`,
		"another's number": `{"auth":"dTpw","identitytoken":31337}`,
	} {
		t.Run(name, func(t *testing.T) {
			content := `{"auths":{"bad.example":` + bad + `,"mixed.example":` + bad + `,"mixed.example/org":{"auth":"dTpzM2NyZXQ="},"good.example":{"auth":"dTpzM2NyZXQ="}}}`
			k := credential.Config(write(t, t.TempDir(), "config.json", content), environ())
			for target, key := range map[string]string{
				"good.example/a/b": "good.example", "mixed.example/org/a": "mixed.example/org", "none.example/a/b": "",
			} {
				if got := source(t, k, repository(t, target)); got.Key != key {
					t.Errorf("%s: got %s", target, got)
				}
			}
			for target, key := range map[string]string{"bad.example/a/b": "bad.example", "mixed.example/a/b": "mixed.example"} {
				auth, err := k.Resolve(repository(t, target))
				var failed *credential.ConfigError
				if auth != nil || !errors.As(err, &failed) || !strings.Contains(err.Error(), `entry "`+key+`"`) {
					t.Errorf("%s: got %v, %v", target, auth, err)
				}
				if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "czNjcmV0") || strings.Contains(err.Error(), "31337") {
					t.Errorf("it shows the secret: %s", err)
				}
			}
		})
	}
}

func TestAMalformedHelperFailsOnlyTheTargetsThatNeedIt(t *testing.T) {
	d := newDirector(t, "store")
	d.always(t, says("bob"))
	k, _ := d.configured(t, `{"credsStore":31337,"credHelpers":{"a.example":"store","b.example":[],"c.example":""},"auths":{"c.example":{"auth":"dTpw"}}}`)
	for target, user := range map[string]string{"a.example/x/y": "bob", "c.example/x/y": "u"} {
		if got := (<-look(t.Context(), k, repository(t, target))).config(t); got.Username != user {
			t.Errorf("%s: got %+v", target, got)
		}
	}
	for target, says := range map[string]string{"b.example/x/y": `credHelpers "b.example": `, "d.example/x/y": "credsStore: "} {
		_, err := k.Resolve(repository(t, target))
		var failed *credential.ConfigError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", target, err)
		}
	}
}

func TestWrongValuesThatAreNotAboutCredentialsDoNotMatter(t *testing.T) {
	const content = `{"psFormat":[1],"plugins":7,"HttpHeaders":"x","auths":{"ghcr.io":{"auth":"dTpzM2NyZXQ=","email":7,"serveraddress":[]}}} trailing`
	k := credential.Config(write(t, t.TempDir(), "config.json", content), environ())
	if got := source(t, k, repository(t, "ghcr.io/a/b")); got.Key != "ghcr.io" {
		t.Errorf("got %s", got)
	}
}

func TestEveryFormOfBase64IsUnderstood(t *testing.T) {
	want := authn.AuthConfig{Username: "u", Password: "??>>s3cret~"}
	for name, auth := range map[string]string{
		"standard":              "dTo/Pz4+czNjcmV0fg==",
		"without padding":       "dTo/Pz4+czNjcmV0fg",
		"URL-safe":              "dTo_Pz4-czNjcmV0fg==",
		"URL-safe, no padding":  "dTo_Pz4-czNjcmV0fg",
		"a last newline":        `dTo/Pz4+czNjcmV0fg==\n`,
		"broken into lines":     `dTo/Pz4+\r\nczNjcmV0\nfg==`,
		"spaces and a tab":      `  dTo/Pz4+ czNj\tcmV0fg== `,
		"NUL after the secret":  "dTo/Pz4+czNjcmV0fgAA",
		"spaces before padding": `dTo/Pz4+czNjcmV0fg ==`,
	} {
		k := credential.Config(write(t, t.TempDir(), "config.json", `{"auths":{"ghcr.io":{"auth":"`+auth+`"}}}`), environ())
		if got := (<-look(t.Context(), k, repository(t, "ghcr.io/a/b"))).config(t); got != want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestATokenNeedsNoUserBesideIt(t *testing.T) {
	for content, want := range map[string]authn.AuthConfig{
		`{"auth":"*","identitytoken":"i"}`:     {IdentityToken: "i"},
		`{"auth":"OnA=","registrytoken":"r"}`:  {RegistryToken: "r"},
		`{"auth":" ","username":"u"}`:          {Username: "u"},
		`{"auth":"dTpw","username":"another"}`: {Username: "u", Password: "p"},
	} {
		k := credential.Config(write(t, t.TempDir(), "config.json", `{"auths":{"ghcr.io":`+content+`}}`), environ())
		if got := (<-look(t.Context(), k, repository(t, "ghcr.io/a/b"))).config(t); got != want {
			t.Errorf("%s: got %+v", content, got)
		}
	}
}

func TestAByteOrderMarkIsIgnored(t *testing.T) {
	content := "\ufeff" + auths(t, "ghcr.io")
	path := write(t, t.TempDir(), "config.json", content)
	for _, k := range []*credential.Keychain{credential.Config(path, environ()), credential.Default(environ("DOCKER_AUTH_CONFIG=" + content))} {
		if got := source(t, k, repository(t, "ghcr.io/a/b")); got.Key != "ghcr.io" {
			t.Errorf("got %s", got)
		}
	}
}

func TestNoTextShowsTheUserOfAKey(t *testing.T) {
	content := `{"auths":{"https://bob:hunter2@ghcr.io/org":{"auth":"dTpzM2NyZXQ="},"https://bob:hunter2@quay.io":5},"credHelpers":{"https://bob:hunter2@a.example":5}}`
	k := credential.Config(write(t, t.TempDir(), "config.json", content), environ())
	got := source(t, k, repository(t, "ghcr.io/org/b"))
	if got.Key != "https://ghcr.io/org" || strings.Contains(got.String(), "hunter2") {
		t.Errorf("got %s", got)
	}
	for _, target := range []string{"quay.io/a/b", "a.example/a/b"} {
		if _, err := k.Resolve(repository(t, target)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", target, err)
		}
	}
}

func TestErrorsAndSourcesDoNotControlATerminal(t *testing.T) {
	d := newDirector(t)
	dir := t.TempDir() + "/a\x1b[2J\u202e\x9b"
	path := write(t, dir, "config.json", `{"credHelpers":{"a.example":"x\u001b]0;\u0007\u202e"},"auths":{"ghcr.io":{"username":"b\u001b[2J","password":"s3cret"},"https://ghcr.io/o\u001b":5}}`)
	k := credential.Config(path, d.options())
	_, helper := k.Resolve(repository(t, "a.example/a/b"))
	_, config := credential.Config(write(t, dir, "broken.json", "{"), d.options()).Resolve(repository(t, "ghcr.io/a/b"))
	for _, text := range []string{helper.Error(), config.Error(), source(t, k, repository(t, "ghcr.io/a/b")).String()} {
		if strings.ContainsAny(text, "\x1b\x07\u202e") || strings.Contains(text, "\x9b") {
			t.Errorf("got %q", text)
		}
	}
}
