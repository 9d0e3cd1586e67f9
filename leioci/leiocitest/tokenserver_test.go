package leiocitest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// config is used by most tests: bob may do everything, eve may pull and delete, and nobody else may
// do anything.
var config = leiocitest.TokenConfig{
	Service: "registry.example", Issuer: "issuer.example",
	Users: map[string]string{"bob": "s3cret", "eve": "hunter2"},
	Policy: func(user string, asked leiocitest.Access) []string {
		return map[string][]string{"bob": asked.Actions, "eve": {"pull", "delete"}}[user]
	},
}

// answer is a token server's response.
type answer struct {
	Status       int
	Token        string `json:"token"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	IssuedAt     string `json:"issued_at"`
	Error        string `json:"error"`
}

// request sends a GET with a query or, if form is given, a POST with that form.
func request(t *testing.T, s *leiocitest.TokenServer, user, password string, query, form url.Values) answer {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Realm()+"?"+query.Encode(), nil)
	if form != nil {
		req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, s.Realm(), strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return a
}

// claims verifies a token as a registry does, using only RFC 7515 and RFC 7518, and returns its
// claims.
func claims(t *testing.T, s *leiocitest.TokenServer, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	var header struct {
		Typ, Alg string
		X5c      [][]byte // encoding/json reads standard base64 into it
	}
	decode(t, parts[0], &header)
	if header.Typ != "JWT" || header.Alg != "ES256" || len(header.X5c) != 1 {
		t.Errorf("header %s", parts[0])
	}
	leaf, err := x509.ParseCertificate(header.X5c[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.RootCertificatePEM()) {
		t.Fatal("no root certificate")
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Error(err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		t.Fatalf("signature %x, %v", signature, err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, q := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(leaf.PublicKey.(*ecdsa.PublicKey), digest[:], r, q) {
		t.Error("the signature is not of the certificate's key")
	}
	var c map[string]any
	decode(t, parts[1], &c)
	return c
}

func decode(t *testing.T, part string, into any) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestATokenVerifiesAndClaimsWhatWasGranted(t *testing.T) {
	s := leiocitest.NewTokenServer(t, config)
	before := time.Now().Unix()
	a := request(t, s, "bob", "s3cret", url.Values{
		"service": {"registry.example"}, "account": {"bob"},
		"scope": {"repository:org/lei-cache:push,pull", "repository:localhost:5000/a:pull repository:b:pull"},
	}, nil)
	if a.Status != http.StatusOK || a.Token == "" || a.AccessToken != a.Token || a.RefreshToken != "" || a.ExpiresIn != 300 {
		t.Errorf("got %+v", a)
	}
	if _, err := time.Parse(time.RFC3339, a.IssuedAt); err != nil {
		t.Error(err)
	}
	c := claims(t, s, a.Token)
	issued := c["iat"].(float64)
	if issued < float64(before) || c["nbf"] != issued || c["exp"] != issued+300 || c["jti"] == "" {
		t.Errorf("times: %v", c)
	}
	for _, name := range []string{"iat", "nbf", "exp", "jti"} {
		delete(c, name)
	}
	access := func(name string, actions ...any) any {
		return map[string]any{"type": "repository", "name": name, "actions": actions}
	}
	want := map[string]any{
		"iss": "issuer.example", "aud": "registry.example", "sub": "bob",
		"access": []any{access("org/lei-cache", "push", "pull"), access("localhost:5000/a", "pull"), access("b", "pull")},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %v, want %v", c, want)
	}
	if again := request(t, s, "bob", "s3cret", nil, nil); claims(t, s, again.Token)["jti"] == claims(t, s, a.Token)["jti"] {
		t.Error("two tokens with one identifier")
	}
}

func TestTokensGoOnlyToThoseWhoMayHaveThem(t *testing.T) {
	const scope = "repository:a:pull,push"
	for name, tc := range map[string]struct {
		config         leiocitest.TokenConfig
		user, password string
		query, form    url.Values
		want           leiocitest.TokenRequest
	}{
		"basic": {
			config, "eve", "hunter2",
			url.Values{"scope": {scope}},
			nil,
			leiocitest.TokenRequest{Grant: "basic", User: "eve", Status: 200, Granted: []leiocitest.Access{{Type: "repository", Name: "a", Actions: []string{"pull"}}}},
		},
		"a wrong password": {
			config, "eve", "s3cret",
			url.Values{"scope": {scope}},
			nil,
			leiocitest.TokenRequest{Grant: "basic", User: "eve", Status: 401},
		},
		"nobody known": {
			config, "mallory", "",
			url.Values{"scope": {scope}},
			nil,
			leiocitest.TokenRequest{Grant: "basic", User: "mallory", Status: 401},
		},
		"anonymous, who may nothing": {
			config, "", "",
			url.Values{"scope": {scope}},
			nil,
			leiocitest.TokenRequest{Grant: "anonymous", Status: 200, Granted: []leiocitest.Access{{Type: "repository", Name: "a", Actions: []string{}}}},
		},
		"anonymous by default": {
			leiocitest.TokenConfig{},
			"", "",
			url.Values{"scope": {scope}},
			nil,
			leiocitest.TokenRequest{Grant: "anonymous", Status: 200, Granted: []leiocitest.Access{{Type: "repository", Name: "a", Actions: []string{"pull"}}}},
		},
		"another service": {
			config, "bob", "s3cret",
			url.Values{"scope": {scope}, "service": {"other"}},
			nil,
			leiocitest.TokenRequest{Grant: "basic", User: "bob", Status: 400},
		},
		"not a scope": {
			config, "bob", "s3cret",
			url.Values{"scope": {"a:b"}},
			nil,
			leiocitest.TokenRequest{Grant: "basic", User: "bob", Status: 200, Granted: []leiocitest.Access{}},
		},
		"a password in a form": {
			config, "", "", nil,
			url.Values{"grant_type": {"password"}, "username": {"bob"}, "password": {"s3cret"}, "service": {"registry.example"}, "scope": {scope}},
			leiocitest.TokenRequest{Grant: "password", User: "bob", Status: 200, Granted: []leiocitest.Access{{Type: "repository", Name: "a", Actions: []string{"pull", "push"}}}},
		},
		"a wrong password in a form": {
			config, "", "", nil,
			url.Values{"grant_type": {"password"}, "username": {"bob"}, "password": {"hunter2"}, "scope": {scope}},
			leiocitest.TokenRequest{Grant: "password", User: "bob", Status: 401},
		},
		"a refresh token that nobody has": {
			config, "", "", nil,
			url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "scope": {scope}},
			leiocitest.TokenRequest{Grant: "refresh_token", Status: 401},
		},
		"no grant": {
			config, "", "", nil,
			url.Values{"scope": {scope}},
			leiocitest.TokenRequest{Status: 400},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := leiocitest.NewTokenServer(t, tc.config)
			a := request(t, s, tc.user, tc.password, tc.query, tc.form)
			if a.Status != tc.want.Status || (a.Token != "") != (a.Status == 200) || (a.Error == "") != (a.Status == 200) {
				t.Errorf("got %+v", a)
			}
			tc.want.Scopes = append(tc.query["scope"], tc.form["scope"]...)
			if got := s.Requests(); !reflect.DeepEqual(got, []leiocitest.TokenRequest{tc.want}) {
				t.Errorf("recorded %+v, want %+v", got, tc.want)
			}
			if a.Token != "" {
				c := claims(t, s, a.Token)
				access, err := json.Marshal(c["access"])
				if err != nil {
					t.Fatal(err)
				}
				if n := bytes.Count(access, []byte(`"name"`)); n != len(tc.want.Granted) {
					t.Errorf("claims %s", access)
				}
			}
		})
	}
}

func TestARefreshTokenIsGivenWhereItIsAskedForAndUsedAgain(t *testing.T) {
	s := leiocitest.NewTokenServer(t, config)
	byGet := request(t, s, "bob", "s3cret", url.Values{"offline_token": {"true"}}, nil)
	byPost := request(t, s, "", "", nil, url.Values{"grant_type": {"password"}, "username": {"bob"}, "password": {"s3cret"}, "access_type": {"offline"}})
	anonymous := request(t, s, "", "", url.Values{"offline_token": {"true"}}, nil)
	if byGet.RefreshToken == "" || byPost.RefreshToken == "" || anonymous.RefreshToken != "" {
		t.Fatalf("got %+v, %+v, %+v", byGet, byPost, anonymous)
	}
	for _, refresh := range []string{byGet.RefreshToken, byPost.RefreshToken, s.RefreshToken("bob")} {
		for range 2 {
			a := request(t, s, "", "", nil, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"repository:a:push"}})
			if a.Status != http.StatusOK || claims(t, s, a.AccessToken)["sub"] != "bob" || a.RefreshToken != "" {
				t.Errorf("got %+v", a)
			}
		}
	}
}

func TestATokenServerHasFaultsAsARegistryHas(t *testing.T) {
	s := leiocitest.NewTokenServer(t, config)
	fault := s.On(http.MethodGet, "/token", 1, leiocitest.Status(http.StatusServiceUnavailable, "UNAVAILABLE"))
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		if a := request(t, s, "bob", "s3cret", nil, nil); a.Status != want {
			t.Errorf("got %d, want %d", a.Status, want)
		}
	}
	if fault.Hits() != 1 || len(s.Requests()) != 1 {
		t.Errorf("%d hits, %d requests", fault.Hits(), len(s.Requests()))
	}
}
