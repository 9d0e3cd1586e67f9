package leioci_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
)

// tags lists tags at registry.example with bob's password.
func (w *web) tags(t *testing.T, log *bytes.Buffer) error {
	t.Helper()
	bob := &authn.Basic{Username: "bob", Password: secretPassword}
	_, err := w.client(t, log, leioci.WithAuth("registry.example", bob)).Tags(t.Context(), testRepository(t, "registry.example"))
	assertNoSecret(t, log, err)
	return err
}

func TestTokensAreReadAsOtherClientsReadThem(t *testing.T) {
	for _, body := range []string{
		`{"token":"granted"}`,
		`{"access_token":"granted"}`,
		`{"token":"granted","access_token":""}`,
		`{"token":"","access_token":"granted"}`,
		`{"token":"granted","access_token":"granted","expires_in":300}`,
		`{"token":"granted","expires_in":"300"}`,
		`{"token":"granted","expires_in":300.5}`,
		`{"token":"granted","expires_in":-1}`,
		`{"token":"granted","expires_in":1e30}`,
		`{"token":"granted","expires_in":99999999999999999999}`,
		`{"token":"granted","expires_in":null,"issued_at":"yesterday"}`,
		`{"token":"granted","expires_in":{},"refresh_token":null}`,
		`{"token":"granted","refresh_token":7}`,
		"\ufeff" + ` {"token":"granted"}` + "\r\n",
	} {
		tokens := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if err := tokenWeb(tokens, `Bearer realm="https://auth.example/token"`).tags(t, &bytes.Buffer{}); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWhatIsNoTokenIsAnErrorThatSaysSo(t *testing.T) {
	for body, says := range map[string]string{
		`<html>s3cret</html>`:             "not a token",
		`"s3cret"`:                        "not a token",
		`[]`:                              "not a token",
		``:                                "not a token",
		`{"token":"s3cret"`:               "not a token",
		`null`:                            "no token",
		`{}`:                              "no token",
		`{"token":""}`:                    "no token",
		`{"token":null}`:                  "no token",
		`{"token":["s3cret"]}`:            "no token",
		`{"token":"s3cret\r\nX-Evil: 1"}`: "control character",
		`{"token":"s3cret token"}`:        "space",
		`{"token":"s3crét"}`:              "outside ASCII",
		`{"token":"s3cret\u0000"}`:        "control character",
		`{"details":"s3cret","token":"` + strings.Repeat("x", 64<<10) + `"}`: "exceeds",
	} {
		tokens := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		err := tokenWeb(tokens, `Bearer realm="https://auth.example/token"`).tags(t, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "token server auth.example") {
			t.Errorf("%.60s: got %v, want %q", body, err, says)
		}
	}
}

func TestChallengesAreReadAsTheyAreWritten(t *testing.T) {
	const realm = `realm="https://auth.example/token"`
	for _, challenges := range [][]string{
		{`Bearer ` + realm + `,service="registry"`},
		{`bearer ` + realm},
		{`BEARER ` + realm},
		{`Bearer REALM="https://auth.example/token"`},
		{`Bearer  ` + realm + `  ,  service = "registry" , scope="repository:org/lei-cache:pull"`},
		{`Bearer realm = "https://auth.example/token"`},
		{"Bearer\trealm\t=\t\"https://auth.example/token\""},
		{`Bearer realm=https://auth.example/token`},
		{`Bearer service="a \"quoted\", and \\ escaped name",` + realm},
		{`Bearer realm="https:\/\/auth.example/token"`},
		{`Bearer service="",` + realm},
		{`Bearer service=,` + realm},
		{`Bearer ,,` + realm + `,`},
		{`Basic realm="registry"`, `Bearer ` + realm},
		{`Bearer ` + realm, `Basic realm="registry"`},
		{`Basic realm="registry", Bearer ` + realm + `,service="registry"`},
		{`Basic realm="a, Bearer realm=b", Bearer ` + realm},
		{`Bearer ` + realm + `, Basic realm="registry"`},
		{`Negotiate`, `Bearer ` + realm},
		{`Negotiate, Bearer ` + realm},
		{`Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa+gDTALBgkqhkiG9xIBAgI=, Bearer ` + realm},
		{`NTLM TlRMTVNTUAAB==`, `Digest realm="x", qop="auth,auth-int", nonce="y"`, `Bearer ` + realm},
		{`Digest realm="x", qop="auth,auth-int", nonce=y, Bearer ` + realm},
		{`"stray" = , Bearer ` + realm},
		{`Bearer ` + realm + `,service="unterminated`},
	} {
		if err := tokenWeb(issuing("granted"), challenges...).tags(t, &bytes.Buffer{}); err != nil {
			t.Errorf("%q: %v", challenges, err)
		}
	}
}

func TestATokenRequestHasTheChallengesServiceAndBothScopes(t *testing.T) {
	for challenge, want := range map[string]string{
		`,service="a, \"b\"",scope="repository:x:pull"`:             `scope=repository%3Ax%3Apull&scope=repository%3Aorg%2Flei-cache%3Apull&service=a%2C+%22b%22`,
		`,service="registry",scope="repository:org/lei-cache:pull"`: `scope=repository%3Aorg%2Flei-cache%3Apull&service=registry`,
		``:               `scope=repository%3Aorg%2Flei-cache%3Apull`, // as docker does: no empty service
		`,service=""`:    `scope=repository%3Aorg%2Flei-cache%3Apull`,
		`&x=1",scope=""`: `scope=repository%3Aorg%2Flei-cache%3Apull&x=1`,
	} {
		var got string
		tokens := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.URL.RawQuery
			_, _ = io.WriteString(w, `{"token":"granted"}`)
		})
		realm := `Bearer realm="https://auth.example/token"` + challenge
		if strings.HasPrefix(challenge, "&") {
			realm = `Bearer realm="https://auth.example/token?` + challenge[1:]
		}
		if err := tokenWeb(tokens, realm).tags(t, &bytes.Buffer{}); err != nil || got != want {
			t.Errorf("%s: got %v, asked for %q, want %q", realm, err, got, want)
		}
	}
}

func TestATokenServerWithoutPOSTIsAskedWithGET(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed} {
		var methods []string
		tokens := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			methods = append(methods, r.Method)
			if r.Method == http.MethodPost {
				w.WriteHeader(status)
				return
			}
			_, _ = io.WriteString(w, `{"token":"granted"}`)
		})
		w := tokenWeb(tokens, `Bearer realm="https://auth.example/token"`)
		var log bytes.Buffer
		_, err := w.client(t, &log, leioci.WithAuth("registry.example", identityToken(secretIdentity))).Tags(t.Context(), testRepository(t, "registry.example"))
		if err != nil || strings.Join(methods, " ") != "POST GET" {
			t.Errorf("%d: got %v after %q", status, err, methods)
		}
		assertNoSecret(t, &log, err)
	}
}
