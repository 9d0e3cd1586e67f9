package limit_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lowendinsight/lei-go/leioci/internal/limit"
)

// encodings are the ways in which a server may repeat a text.
func encodings() map[string]func(string) string {
	asJSON := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b[1 : len(b)-1])
	}
	escaped := func(format string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, c := range []byte(s) {
				fmt.Fprintf(&b, format, c)
			}
			return b.String()
		}
	}
	runes := func(format string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, r := range s {
				fmt.Fprintf(&b, format, r)
			}
			return b.String()
		}
	}
	return map[string]func(string) string{
		"as it is":         func(s string) string { return s },
		"JSON":             asJSON,
		"JSON twice":       func(s string) string { return asJSON(asJSON(s)) },
		"JSON three times": func(s string) string { return asJSON(asJSON(asJSON(s))) },
		"JSON in ASCII":    func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
		"JSON of PHP":      func(s string) string { return strings.ReplaceAll(asJSON(s), "/", `\/`) },
		`\u0000`:           func(s string) string { return codeUnits(s) },
		`\u{0}`:            runes(`\u{%x}`),
		`\x00`:             escaped(`\x%02x`),
		`\000`:             escaped(`\%03o`),
		"a query":          url.QueryEscape,
		"a path":           url.PathEscape,
		"%00":              escaped("%%%02x"),
		"%2500":            func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
		"a path in JSON":   func(s string) string { return asJSON(url.PathEscape(s)) },
		"HTML":             html.EscapeString,
		"HTML twice":       func(s string) string { return html.EscapeString(html.EscapeString(s)) },
		"HTML in JSON":     func(s string) string { return asJSON(html.EscapeString(s)) },
		"&#0;":             runes("&#%d;"),
		"&#x0;":            runes("&#x%X;"),
		"named entities": func(s string) string {
			return strings.NewReplacer("é", "&eacute;", "<", "&lt;", `"`, "&quot;").Replace(s)
		},
		"quoted-printable": escaped("=%02X"),
		"hex":              func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":              func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 for URLs":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"base64 in JSON":   func(s string) string { return asJSON(base64.StdEncoding.EncodeToString([]byte(s))) },
		"base64 of more":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("a:" + s + "z")) },
		"base64 of yet":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("a" + s + "z")) },
	}
}

// codeUnits writes s in UTF-16, as JSON has it.
func codeUnits(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04X`, u)
	}
	return b.String()
}

// awkward are secrets with characters that encodings change.
func awkward() []string {
	return []string{`pass"word`, "pass<word>", "pässwörd", `pass\word`, `pass\\word\`, "pass word/+=&%", "pass\tword\x01\x7f", "pass\u2028😀word", "p%41ss&lt;w", "pass\xe9word", `\\\\\\\\`, `""""`, `p\u0041"`}
}

func TestASecretIsRemovedHoweverItIsEncoded(t *testing.T) {
	for _, secret := range awkward() {
		carry := map[string]carrier{
			"a password": func(t *testing.T) *http.Request { req := post(t, ""); req.SetBasicAuth("user", secret); return req },
			"a token": func(t *testing.T) *http.Request {
				req := post(t, url.Values{"refresh_token": {secret}}.Encode())
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				return req
			},
			"a client's secret": func(t *testing.T) *http.Request {
				req := post(t, url.Values{"client_secret": {secret}}.Encode())
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				return req
			},
		}
		for what, carry := range carry {
			for name, encode := range encodings() {
				if secret == "pass\xe9word" && (strings.Contains(name, "JSON") || strings.Contains(name, "{") || strings.Contains(name, "0000") || strings.Contains(name, ";")) {
					continue // these have no encoding for what is no UTF-8
				}
				shown := encode(secret)
				got := errorText(t, carry(t), strings.NewReader(`{"message":"not <`+shown+`> here"}`))
				_, rest, _ := strings.Cut(got, "not <")
				middle, _, found := strings.Cut(rest, "> here")
				// Of base64, the characters stay that depend on what is around.
				if stays := strings.ReplaceAll(middle, "...", ""); len(stays) > 4 && !strings.HasPrefix(name, "base64 of") || len(stays) > 8 || !strings.Contains(middle, "...") || !found {
					t.Errorf("%s %q in %s, %s: got %s", what, secret, name, shown, got)
				}
			}
		}
	}
}

func TestAnEncodedSecretThatIsCutIsRemovedToo(t *testing.T) {
	req := post(t, "")
	req.SetBasicAuth("user", `s<cr"é/pass`)
	for name, encode := range encodings() {
		shown := encode(`s<cr"é/pass`)
		if strings.HasPrefix(name, "base64 of") {
			continue // what comes before hides the beginning
		}
		for n := 1; n <= len(shown); n++ {
			got := errorText(t, req, io.MultiReader(strings.NewReader("- "+shown[:n]), broken{}))
			if rest := strings.TrimPrefix(got, "- "); len(strings.ReplaceAll(rest, "...", "")) > max(2, len(encode("s"))) && !strings.HasPrefix(shown[n:], "=") {
				t.Errorf("%s, %q: got %q", name, shown[:n], got)
			}
		}
	}
}

func TestWhatWasSentBeforeIsRemovedToo(t *testing.T) {
	sent := &limit.Sent{}
	send := func(req *http.Request, body string) string {
		resp, err := limit.Transport{Base: refusing{strings.NewReader(body)}, Most: 8, Sent: sent}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, carry := range carriers() {
		send(carry(t), "")
		if got := send(post(t, ""), `{"message":"no s3cret\/token"}`); got != `{"message":"no ..."}` {
			t.Errorf("%s: got %s", name, got)
		}
	}
	for i := range 100 { // it is bounded
		req := post(t, "")
		req.Header.Set("Authorization", fmt.Sprintf("Bearer token-%d", i))
		send(req, "")
	}
	if got := send(post(t, ""), "token-0 token-99"); got != "token-0 ..." {
		t.Errorf("got %s", got)
	}
}

func TestAPasswordInUseIsNotForgottenForTokensThatWereUsedOnce(t *testing.T) {
	sent := &limit.Sent{}
	send := func(authorization string) {
		req := post(t, "")
		req.Header.Set("Authorization", authorization)
		resp, err := limit.Transport{Base: refusing{strings.NewReader("")}, Sent: sent}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for i := range 100 {
		send("Basic dXNlcjpzM2NyZXQtcGFzc3dvcmQ=")
		for j := range 12 {
			send(fmt.Sprintf("Bearer token-%d-%d", i, j))
		}
		if got := sent.Hide("no s3cret-password here"); got != "no ... here" {
			t.Fatalf("after %d times, got %q", i+1, got)
		}
	}
}

func TestUserAndPasswordAreRemovedTogether(t *testing.T) {
	req := post(t, "")
	req.SetBasicAuth("user", "abc") // too short to be looked for alone
	got := errorText(t, req, strings.NewReader("user:abc, user%3Aabc, "+req.Header.Get("Authorization")+": no abc in the alphabet"))
	if got != "..., ..., Basic ...: no abc in the alphabet" {
		t.Errorf("got %s", got)
	}
}

func TestACookieAndASignedURLAreRemoved(t *testing.T) {
	req := post(t, "")
	req.URL.RawQuery = "X-Amz-Signature=0123456789abcdef0123&scope=repository%3Aorg%2Flei-cache%3Apull"
	req.Header.Set("Cookie", "session=s3cret-cookie")
	got := errorText(t, req, strings.NewReader("<SignatureProvided>0123456789abcdef0123</SignatureProvided> s3cret-cookie repository:org/lei-cache:pull"))
	if got != "<SignatureProvided>...</SignatureProvided> ... repository:org/lei-cache:pull" {
		t.Errorf("got %s", got)
	}
}

// This one is here for its time: a wrong way of looking takes minutes.
func TestATextThatIsMadeToBeDifficultIsSearchedToo(t *testing.T) {
	for name, tc := range map[string]struct{ secret, text string }{
		"backslashes":   {strings.Repeat(`\`, 4000), strings.Repeat(`\`, kept)},
		"one too few":   {strings.Repeat(`\`, 8000) + "a", strings.Repeat(strings.Repeat(`\`, 7999)+"b", 8)},
		"percent signs": {strings.Repeat("%", 4000) + "a", strings.Repeat("%25", kept/3)},
		"ampersands":    {strings.Repeat("&", 4000) + "a", strings.Repeat("&amp;", kept/5)},
		"one character": {strings.Repeat("a", 4000) + "b", strings.Repeat("a", kept)},
	} {
		req := post(t, "")
		req.SetBasicAuth("", tc.secret)
		if got := errorText(t, req, strings.NewReader(tc.text)); strings.Contains(got, tc.secret) {
			t.Errorf("%s: the secret is there", name)
		}
	}
}
