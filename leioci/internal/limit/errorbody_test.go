package limit_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/limit"
)

const kept = 64 << 10 // bytes of an error body

// refusing answers everything with an error and a body.
type refusing struct{ body io.Reader }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Body: io.NopCloser(r.body)}, nil
}

// errorText returns what is kept of an error body.
func errorText(t *testing.T, req *http.Request, body io.Reader) string {
	t.Helper()
	resp, err := limit.Transport{Base: refusing{body}, Most: 8}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Fatalf("got %v, status %d", err, resp.StatusCode)
	}
	return string(text)
}

// A carrier makes a request that carries a secret.
type carrier func(t *testing.T) *http.Request

// post makes a request with a body.
func post(t *testing.T, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://registry/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// carriers are the ways in which go-containerregistry sends credentials.
func carriers() map[string]carrier {
	header := func(value string) carrier {
		return func(t *testing.T) *http.Request {
			req := post(t, "")
			req.Header.Set("Authorization", value)
			return req
		}
	}
	form := func(name string) carrier {
		return func(t *testing.T) *http.Request {
			req := post(t, url.Values{"grant_type": {"x"}, name: {"s3cret/token"}}.Encode())
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return req
		}
	}
	return map[string]carrier{
		"a token":    header("Bearer s3cret/token"),
		"lower case": header("bearer s3cret/token"),
		"a password": func(t *testing.T) *http.Request {
			req := post(t, "")
			req.SetBasicAuth("user", "s3cret/token")
			return req
		},
		"a refresh token of a form": form("refresh_token"),
		"a password of a form":      form("password"),
	}
}

func TestCredentialsThatARegistryRepeatsAreRemoved(t *testing.T) {
	for name, carry := range carriers() {
		req := carry(t)
		got := errorText(t, req, strings.NewReader(`{"errors":[{"code":"DENIED","message":"no s3cret/token, s3cret/token or s3cret%2Ftoken"}]} `+req.Header.Get("Authorization")))
		if strings.Contains(got, "s3cret") || strings.Contains(got, "czNjcmV0") || !strings.Contains(got, `"DENIED","message":"no ..., ... or ..."`) && !strings.Contains(got, "no ..., ...") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestTextWithoutCredentialsIsUnchanged(t *testing.T) {
	const text = `{"errors":[{"code":"DENIED"}]}`
	req := post(t, "grant_type=refresh_token&service=DENIED&scope=errors&client_id=code&refresh_token=")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, auth := range map[string]string{"nothing": "", "a scheme alone": "Bearer", "an empty token": "Bearer ", "an empty password": "Basic dXNlcjo="} {
		req.Header.Set("Authorization", auth)
		if got := errorText(t, req, strings.NewReader(text)); got != text {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestATruncatedCredentialIsRemovedToo(t *testing.T) {
	for name, carry := range carriers() {
		for n := 1; n <= len("s3cret/token"); n++ {
			start := strings.Repeat("-", kept-n)
			if got := errorText(t, carry(t), strings.NewReader(start+"s3cret/token and so on")); strings.TrimSuffix(got, "...") != start {
				t.Errorf("%s, cut after %d bytes: it ends with %q", name, n, got[kept-n:])
			}
			if got := errorText(t, carry(t), io.MultiReader(strings.NewReader("-s3cret/token"[:n]), broken{})); strings.TrimSuffix(got, "...") != "-" {
				t.Errorf("%s, broken after %d bytes: got %q", name, n, got)
			}
		}
	}
}

// broken fails to read.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestAnErrorBodyThatBreaksOffIsKeptUpToThere(t *testing.T) {
	if got := errorText(t, post(t, ""), io.MultiReader(strings.NewReader("as far as"), broken{})); got != "as far as" {
		t.Errorf("got %q", got)
	}
}
