package guard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

func TestARedirectCarriesNoCredentialsToAnotherServer(t *testing.T) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	cookie := http.Header{"Cookie": {"session=s3cret"}}
	password := http.Header{"Authorization": {"Basic s3cret"}}
	token := http.Header{"Authorization": {"Bearer s3cret"}}
	for _, tc := range []struct {
		from, to string
		header   http.Header
		fine     bool
	}{
		{"https://auth.example/", "https://other.example/", form, false},
		{"https://auth.example/", "https://other.example/", cookie, false},
		{"https://auth.example/", "https://other.example/", password, false},
		{"https://auth.example/", "https://other.example/", token, false},
		{"https://auth.example/", "https://sub.auth.example/", form, false},
		{"https://auth.example/", "https://auth.example:5000/", form, false},
		{"https://auth.example/", "https://auth.example:5000/", token, false},
		{"https://auth.example/", "https://auth.example/token", form, true},
		{"https://auth.example/", "https://AUTH.example:443/token", form, true},
		{"https://auth.example:443/", "https://auth.example/token", password, true},
		{"http://localhost/", "https://localhost/token", form, true},
		{"https://auth.example/", "https://other.example/", http.Header{"Content-Type": {"application/octet-stream"}}, true},
		{"https://10.0.0.6/", "https://10.0.0.6/token", form, true},
	} {
		req := redirected(t, tc.from, tc.to)
		req.Method, req.Header = http.MethodPost, tc.header
		req.Response.Request.Header = tc.header
		w := &wire{}
		resp, err := guard.Transport{Base: w, Private: prefixes("10.0.0.0/8")}.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != tc.fine || len(w.sent) == 1 != tc.fine || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s to %s with %v: got %v", tc.from, tc.to, tc.header, err)
		}
	}
}

func TestCredentialsThatBelongToTheTargetOfARedirectAreSent(t *testing.T) {
	anonymous := redirected(t, "https://registry.example/", "https://mirror.example/")
	anonymous.Response.Request.Header = http.Header{"Authorization": {"Bearer registry"}}
	anonymous.Header = http.Header{"Authorization": {"Bearer mirror"}} // as go-containerregistry asks for
	inURL := redirected(t, "https://registry.example/", "https://user:password@storage.example/")
	inURL.SetBasicAuth("user", "password") // as net/http does
	back := redirected(t, "https://registry.example/", "https://cdn.example/", "https://registry.example/")
	back.Header = http.Header{"Authorization": {"Bearer registry"}}
	back.Response.Request.Response.Request.Header = back.Header
	for name, req := range map[string]*http.Request{"a token of its own": anonymous, "a password in its URL": inURL, "a way back": back} {
		w := &wire{}
		resp, err := guard.Transport{Base: w}.RoundTrip(req)
		if err != nil {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		resp.Body.Close()
	}
}

func TestAFormIsNotRepeatedToAnotherServer(t *testing.T) {
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		auth := httptest.NewServer(http.RedirectHandler(other.URL, status))
		client := http.Client{Transport: guard.Transport{Base: http.DefaultTransport}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, auth.URL, strings.NewReader("refresh_token=s3cret"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != (status < 304) || len(got) > 0 {
			t.Errorf("%d: got %v, and the other server was sent %q", status, err, got)
		}
		auth.Close()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestTheURLThatRedirectedIsNotToldToItsTarget(t *testing.T) {
	w := &wire{}
	if _, err := send(t, guard.Transport{Base: w}, http.MethodGet, "https://cdn.example/", http.Header{"Referer": {"https://storage.example/?X-Amz-Signature=s3cret"}}); err != nil {
		t.Fatal(err)
	}
	if got := w.sent[0].Header.Get("Referer"); got != "" {
		t.Errorf("it was sent %q", got)
	}
}
