package limit_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
)

// A drip is a body that brings a byte from time to time until it is closed.
type drip struct {
	status int
	closed chan struct{}
}

func (d drip) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: d.status, Body: d}, nil
}

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = '.'
		return 1, nil
	case <-d.closed:
		return 0, errors.New("closed")
	}
}

func (d drip) Close() error {
	select {
	case <-d.closed:
	default:
		close(d.closed)
	}
	return nil
}

// dripped sends a request and reads what drips in response.
func dripped(t *testing.T, status int, edit func(*http.Request)) (got string, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		req := post(t, "")
		edit(req)
		d := drip{status, make(chan struct{})}
		resp, rerr := limit.Transport{Base: d, Most: 1000}.RoundTrip(req)
		if rerr != nil {
			t.Fatal(rerr)
		}
		var text []byte
		text, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		got, took = string(text), time.Since(start)
		select {
		case <-d.closed:
		default:
			t.Error("the body is open")
		}
	})
	return got, took, err
}

func TestABodyThatNobodyNeedsIsNotWaitedForLong(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		edit   func(*http.Request)
	}{
		"an error":        {http.StatusForbidden, func(*http.Request) {}},
		"a server error":  {http.StatusBadGateway, func(*http.Request) {}},
		"a challenge":     {http.StatusUnauthorized, func(req *http.Request) { req.Method, req.URL.Path = http.MethodGet, "/v2/" }},
		"a redirect":      {http.StatusTemporaryRedirect, func(*http.Request) {}},
		"a ping":          {http.StatusOK, func(req *http.Request) { req.Method, req.URL.Path = http.MethodGet, "/v2/" }},
		"a token refused": {http.StatusForbidden, func(req *http.Request) { req.URL.RawQuery = "scope=x&service=y" }},
	} {
		if got, took, err := dripped(t, tc.status, tc.edit); err != nil || got == "" || strings.Trim(got, ".") != "" || took > 10*time.Second {
			t.Errorf("%s: got %q, %v after %v", name, got, err, took)
		}
	}
}

func TestAResponseWithATokenMustComeInTime(t *testing.T) {
	for name, edit := range map[string]func(*http.Request){
		"a query":    func(req *http.Request) { req.URL.RawQuery = "scope=x&service=y" },
		"a form":     func(req *http.Request) { req.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"a redirect": func(req *http.Request) { req.Response = &http.Response{Request: tokenRequest(t)} },
	} {
		if _, took, err := dripped(t, http.StatusOK, edit); !errors.Is(err, errdef.ErrStalled) || took > 2*time.Minute {
			t.Errorf("%s: got %v after %v", name, err, took)
		}
	}
}

func tokenRequest(t *testing.T) *http.Request {
	req := post(t, "")
	req.URL.RawQuery = "scope=x&service=y"
	return req
}

func TestContentMayTakeItsTime(t *testing.T) {
	got, took, err := dripped(t, http.StatusOK, func(*http.Request) {})
	if !errors.Is(err, errdef.ErrTooLarge) || len(got) != 1000 && took < 1000*time.Second {
		t.Errorf("got %d bytes, %v after %v", len(got), err, took)
	}
}

func TestWhatIsCompressedIsLimitedByItsLengthBeyondThat(t *testing.T) {
	for status, most := range map[int]int{http.StatusOK: 1 << 20, http.StatusForbidden: kept} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Error("net/http does not ask for gzip any more")
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 16<<20))
			_ = z.Close()
		}))
		base := &http.Transport{}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := limit.Transport{Base: base, Most: 1 << 20}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if len(got) > most || errors.Is(err, errdef.ErrTooLarge) != (status == http.StatusOK) {
			t.Errorf("%d: got %d bytes, %v", status, len(got), err)
		}
		base.CloseIdleConnections()
		server.Close()
	}
}
