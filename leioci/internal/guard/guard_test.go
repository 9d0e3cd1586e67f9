package guard_test

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// A wire is the last transport: it records the requests that the guard lets through.
type wire struct {
	sent   []*http.Request
	answer func(*http.Request) *http.Response // nil answers 200
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.sent = append(w.sent, req)
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
	if w.answer != nil {
		resp = w.answer(req)
	}
	resp.Request = req
	return resp, nil
}

// answering returns a wire that answers with a status and a header.
func answering(status int, name, value string) *wire {
	return &wire{answer: func(*http.Request) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{name: {value}}, Body: http.NoBody}
	}}
}

// prefixes parses networks.
func prefixes(networks ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, n := range networks {
		all = append(all, netip.MustParsePrefix(n))
	}
	return all
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// send sends a request and returns the header of its answer.
func send(t *testing.T, g guard.Transport, method, to string, header http.Header) (http.Header, error) {
	t.Helper()
	req := &http.Request{Method: method, URL: parse(t, to), Header: header}
	resp, err := g.RoundTrip(req.WithContext(t.Context()))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return resp.Header, nil
}

func TestCredentialsGoOverHTTPOnlyToThisMachineAndConfiguredHosts(t *testing.T) {
	plain := []string{"plain.example", "Port80.example:80", "Port.example:5000", "10.0.0.5:5000"}
	allowed := []string{
		"https://registry.example/", "http://plain.example/", "http://PLAIN.example/", "http://plain.example:80/", "http://port80.example/", "http://port.example:5000/", "http://10.0.0.5:5000/",
		"http://localhost/", "http://localhost:5000/", "http://127.0.0.1:5000/", "http://127.9.9.9/", "http://[::1]:5000/",
		"http://[::ffff:127.0.0.1]/",
	}
	refused := []string{
		"http://registry.example/", "http://plain.example:443/", "http://port.example/", "http://sub.plain.example/", "http://10.0.0.5/",
		"http://192.168.1.1/", "http://0.0.0.0/", "http://localhost.example/", "http://notlocalhost/", "http://127.0.0.1.example/", "http://127.1/", "http://0x7f.1/", "http://a.LOCALHOST/", "http://LOCALHOST/", "http://[fe80::1%25lo]/",
	}
	for what, header := range map[string]http.Header{
		"a token":  {"Authorization": {"Bearer s3cret"}},
		"a cookie": {"Cookie": {"session=s3cret"}},
		"a form":   {"Content-Type": {"Application/x-www-form-urlencoded; charset=utf-8"}},
		"parts":    {"Content-Type": {"multipart/form-data; boundary=x"}},
	} {
		for _, to := range allowed {
			w := &wire{}
			if _, err := send(t, guard.Transport{Base: w, PlainHTTP: plain}, http.MethodPost, to, header); err != nil || len(w.sent) != 1 {
				t.Errorf("%s to %s: got %v", what, to, err)
			}
		}
		for _, to := range refused {
			w := &wire{}
			_, err := send(t, guard.Transport{Base: w, PlainHTTP: plain}, http.MethodPost, to, header)
			if !errors.Is(err, errdef.ErrInsecure) || len(w.sent) != 0 || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s to %s: got %v", what, to, err)
			}
		}
	}
	for _, to := range refused {
		w := &wire{}
		if _, err := send(t, guard.Transport{Base: w}, http.MethodGet, to, http.Header{"Content-Type": {"application/json"}}); err != nil {
			t.Errorf("nothing to %s: got %v", to, err)
		}
	}
}

func TestCredentialsForThisMachineDoNotGoOverAProxy(t *testing.T) {
	direct := func(*http.Request) (*url.URL, error) { return nil, nil }
	proxied := func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy.example:3128") }
	unknown := func(*http.Request) (*url.URL, error) { return nil, errors.New("no such proxy") }
	for _, host := range []string{"localhost", "localhost.", "LOCALHOST:5000", "registry.localhost", "a.b.localhost.", "127.0.0.1:5000", "[::1]", "[::ffff:127.0.0.1]:5000"} {
		for name, tc := range map[string]struct {
			proxy   func(*http.Request) (*url.URL, error)
			plain   []string
			refused bool
		}{
			"no proxy":                 {direct, nil, false},
			"a proxy":                  {proxied, nil, true},
			"a proxy that may be one":  {unknown, nil, true},
			"a proxy, and plain HTTP":  {proxied, []string{host}, false},
			"nobody knows, plain HTTP": {nil, []string{host}, false},
		} {
			w := &wire{}
			_, err := send(t, guard.Transport{Base: w, Proxy: tc.proxy, PlainHTTP: tc.plain}, http.MethodGet, "http://"+host+"/v2/", http.Header{"Authorization": {"Basic s3cret"}})
			if errors.Is(err, errdef.ErrInsecure) != tc.refused || len(w.sent) == 1 == tc.refused {
				t.Errorf("%s to %s: got %v", name, host, err)
			}
			if _, err := send(t, guard.Transport{Base: w, Proxy: tc.proxy}, http.MethodGet, "http://"+host+"/v2/", nil); err != nil {
				t.Errorf("nothing, %s, to %s: got %v", name, host, err)
			}
		}
	}
}

func TestAPlainHTTPRegistryIsNeverAskedOverHTTPS(t *testing.T) {
	for _, to := range []string{"https://Plain.example/v2/", "https://plain.example:443/v2/", "https://plain.example:80/", "https://plain.example:5000/"} {
		w := &wire{}
		if _, err := send(t, guard.Transport{Base: w, PlainHTTP: []string{"plain.example", "plain.example:5000"}}, http.MethodGet, to, nil); err == nil || len(w.sent) != 0 {
			t.Errorf("%s: got %v", to, err)
		}
	}
}

// watched is a body that remembers whether it was closed.
type watched struct {
	io.Reader
	closed int
}

func (w *watched) Close() error { w.closed++; return nil }

func TestTheBodyOfARefusedRequestIsClosed(t *testing.T) {
	body := &watched{Reader: strings.NewReader("content")}
	req := &http.Request{Method: http.MethodPut, URL: parse(t, "http://registry.example/"), Body: body, Header: http.Header{"Authorization": {"Bearer s3cret"}}}
	resp, err := guard.Transport{Base: &wire{}}.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, errdef.ErrInsecure) || body.closed != 1 {
		t.Errorf("got %v, closed %d times", err, body.closed)
	}
}

func TestAnErrorFromTheBaseTransportIsPassedOn(t *testing.T) {
	_, err := send(t, guard.Transport{Base: broken{}}, http.MethodGet, "https://registry.example/", nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
