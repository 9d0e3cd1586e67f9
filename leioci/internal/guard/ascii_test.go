package guard_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

func TestANonASCIIHostIsRefused(t *testing.T) {
	for spelled, dialed := range map[string]string{
		"１０.０.０.５":    "10.0.0.5:443",
		"127。0。0。1":   "127.0.0.1:443",
		"①②⑦.0.0.1":   "127.0.0.1:443",
		"ｌocalhost":   "localhost:443",
		"bücher.test": "xn--bcher-kva.test:443",
	} {
		var asked []string
		base := &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			asked = append(asked, address)
			return nil, errors.New("not here")
		}}
		// The URL does not seem to hold an address, but net/http dials one.
		to := &http.Request{Method: http.MethodGet, URL: parse(t, "https://"+spelled+"/"), Header: http.Header{}}
		resp, err := base.RoundTrip(to.WithContext(t.Context()))
		if err == nil {
			resp.Body.Close()
		}
		if _, err := send(t, guard.Transport{Base: base}, http.MethodGet, to.URL.String(), http.Header{}); err == nil || !strings.Contains(err.Error(), "ASCII") {
			t.Errorf("%s: got %v", spelled, err)
		}
		if len(asked) != 1 || asked[0] != dialed {
			t.Errorf("%s: asked %q", spelled, asked)
		}
		if err := (guard.Transport{}).Follow(parse(t, "https://registry.example/"), to.URL); err == nil {
			t.Errorf("%s is followed", spelled)
		}
	}
}
