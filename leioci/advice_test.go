package leioci_test

import (
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// closedHost is a loopback address on which nothing listens. A port that was free a moment ago may be
// another's by now. This one is of a service that nobody has (tcpmux, RFC 1078), and no system gives
// it to whoever asks for any port.
const closedHost = "127.0.0.1:1"

// redirecting are parts of paths that a pull asks for. At the last, https and then http is tried.
var redirecting = []string{"/blobs/", "/manifests/", "/v2/"}

// assertAdvice fails unless an error says what it should, and gives no advice on the registry.
func assertAdvice(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", what, err, want)
		return
	}
	for _, wrong := range []string{"WithPlainHTTP", "the first segment", "is the registry running"} {
		if strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: wrong advice %q: %v", what, wrong, err)
		}
	}
}

func TestAdviceIsAboutTheHostThatFailed(t *testing.T) {
	cut := leiocitest.Serve(t, http.NotFoundHandler())
	cut.On("", "", leiocitest.Always, leiocitest.Cut())
	const operator = "tell the operator of the registry that redirects there"
	for to, want := range map[string]string{
		"http://" + closedHost:   closedHost + ": cannot connect; if the problem persists, " + operator,
		"https://" + closedHost:  closedHost + ": cannot connect; if the problem persists, " + operator,
		"http://storage.invalid": "storage.invalid: there is no such host; if the problem persists, " + operator,
		"https://" + cut.Host():  cut.Host() + ": plain HTTP at an https address; if the problem persists, " + operator,
		"http://" + cut.Host():   "the connection broke off",
		"http://10.1.2.3":        "allow it with WithPrivateRedirects",
		"ftp://a/b":              `refusing URL with scheme "ftp"`,
	} {
		for _, path := range redirecting {
			reg := leiocitest.NewRegistry(t)
			pushSample(t, newClient(t), repository(t, reg), "latest")
			reg.On(http.MethodGet, path, leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, to))
			c := newClient(t, leioci.WithTransport(noSuchHost{t}))
			_, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), filepath.Join(t.TempDir(), "lei"))
			assertAdvice(t, path+" to "+to, err, want)
		}
	}
}

func TestAdviceIsAboutTheHostThatIsSilent(t *testing.T) {
	for _, path := range redirecting {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(newer.AddDate(1, 0, 0))) // or the sample would be of the future
			network := leiocitest.NewNetwork(t)
			reg := network.Serve(registryHost, leiocitest.NewHandler())
			network.Serve(storageHost, http.NotFoundHandler()).On("", "", leiocitest.Always, leiocitest.Hang(nil))
			c := newClient(t, leioci.WithTransport(network.Transport()))
			pushSample(t, c, repository(t, reg), "latest")
			reg.On(http.MethodGet, path, leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+storageHost))
			_, err := c.PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), filepath.Join(t.TempDir(), "lei"))
			assertAdvice(t, path, err, "no data is moving")
		})
	}
}

func TestAnErrorStaysBelowAKibibyte(t *testing.T) {
	long := strings.Repeat("long ", 1<<10)
	for name, fault := range map[string]leiocitest.Fault{
		"a text":     leiocitest.HugeError(http.StatusForbidden, 1<<20),
		"a location": leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+closedHost+"/"+strings.Repeat("x", 5000)),
		"a host":     leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+strings.Repeat("x", 5000)+"/"),
		"an error":   says(http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"`+long+`"}]}`),
		"errors": says(http.StatusNotFound, `{"errors":[`+strings.Repeat(`{"code":"A","message":"a","detail":{"x":[1,{"y":[]}]}},`, 200)+
			`{"code":"B"}]}`),
		"a page": says(http.StatusBadGateway, "<html><title>"+long+"</title>"+long),
	} {
		for _, path := range []string{"/blobs/", "/manifests/", "/v2/"} {
			reg := leiocitest.NewRegistry(t)
			pushSample(t, newClient(t), repository(t, reg), "latest")
			reg.On(http.MethodGet, path, leiocitest.Always, fault)
			_, err := newClient(t).PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), filepath.Join(t.TempDir(), "lei"))
			if err == nil || len(err.Error()) >= 1<<10 || strings.ContainsAny(err.Error(), "\n]") {
				t.Errorf("%s, %s: got %v", name, path, err)
			}
		}
	}
}

func TestAPortForHTTPSIsRecognizedInTheWordsOfItsServer(t *testing.T) {
	for server, body := range map[string]string{
		"net/http": "Client sent an HTTP request to an HTTPS server.\n",
		"nginx":    "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body></body>\r\n</html>\r\n",
		"Apache": "<!DOCTYPE HTML><html><head>\n<title>400 Bad Request</title>\n</head><body>Reason: You're speaking plain HTTP " +
			"to an SSL-enabled server port.<br /></body></html>",
	} {
		reg := leiocitest.NewRegistry(t)
		reg.On("", "", leiocitest.Always, says(http.StatusBadRequest, body))
		_, err := newClient(t, leioci.WithPlainHTTP(reg.Host())).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if err == nil || !strings.Contains(err.Error(), "the registry requires https") {
			t.Errorf("%s: got %v", server, err)
		}
	}
}

func TestTheRateLimitOfAStorageIsNotTheRegistrys(t *testing.T) {
	for retryAfter, want := range map[string]string{"": "(try again later)", "3600": "(try again in 1h0m0s)"} {
		reg, storage := leiocitest.NewRegistry(t), leiocitest.Serve(t, http.NotFoundHandler())
		pushSample(t, newClient(t), repository(t, reg), "latest")
		storage.On("", "", leiocitest.Always, leiocitest.RetryAfter(http.StatusTooManyRequests, retryAfter))
		reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+storage.Host()))
		_, err := newClient(t).PullSnapshot(t.Context(), repository(t, reg).Tag("latest"), filepath.Join(t.TempDir(), "lei"))
		var limited *leioci.RateLimitError
		if !errors.As(err, &limited) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "from "+storage.Host()) ||
			strings.Contains(err.Error(), "credentials") {
			t.Errorf("%q: got %v", retryAfter, err)
		}
	}
}

// noSuchHost is a transport without DNS: names under invalid do not exist (RFC 6761).
type noSuchHost struct{ t *testing.T }

func (n noSuchHost) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Hostname(), ".invalid") {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: req.URL.Hostname(), IsNotFound: true}}
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	n.t.Cleanup(base.CloseIdleConnections)
	return base.RoundTrip(req)
}
