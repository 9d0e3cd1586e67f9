package leiocitest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// answered is a response without its body.
type answered struct {
	status int
	header http.Header
	length int64
}

// ask sends a request over a network and returns the response and the part of its body that could
// be read.
func ask(ctx context.Context, t *testing.T, rt http.RoundTripper, method, url string, body io.Reader) (answered, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return answered{}, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, resp.ContentLength}, string(text), err
}

func TestANetworkHasTheHostsThatItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := leiocitest.NewNetwork(t)
		one := n.Serve("one.example", http.HandlerFunc(hello))
		n.Serve("two.example:5000", http.HandlerFunc(hello))
		rt := n.Transport()
		for url, want := range map[string]error{
			"http://one.example/a":      nil,
			"http://one.example:80/a":   nil,
			"http://two.example:5000/a": nil,
			"http://one.example:81/a":   syscall.ECONNREFUSED,
			"http://three.example/a":    &net.DNSError{},
		} {
			_, body, err := ask(t.Context(), t, rt, http.MethodGet, url, nil)
			var unknown *net.DNSError
			if errors.As(want, &unknown) {
				if !errors.As(err, &unknown) || !unknown.IsNotFound {
					t.Errorf("%s: got %v", url, err)
				}
				continue
			}
			if !errors.Is(err, want) || want == nil && body != "0123456789" {
				t.Errorf("%s: got %q, %v, want %v", url, body, err, want)
			}
		}
		if got := strings.Join(one.Requests(), ", "); got != "GET /a, GET /a" || one.Host() != "one.example" {
			t.Errorf("%s got %s", one.Host(), got)
		}
	})
}

func TestANetworkRefusesConnectionsAsOftenAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := leiocitest.NewNetwork(t)
		n.Serve("one.example", http.HandlerFunc(hello))
		rt := n.Transport()
		rt.DisableKeepAlives = true
		for _, times := range []int{0, 2, leiocitest.Always} {
			n.Refuse("one.example", times)
			for i := range 4 {
				want := error(nil)
				if i < times || times == leiocitest.Always {
					want = syscall.ECONNREFUSED
				}
				if _, _, err := ask(t.Context(), t, rt, http.MethodGet, "http://one.example/", nil); !errors.Is(err, want) {
					t.Errorf("%d times, connection %d: got %v", times, i, err)
				}
			}
		}
	})
}
