package registry_test

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

func TestAProxyDoesNotAnswerForANameOfThisMachineThatRespondsOverHTTPS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &schemes{
			https: func(req *http.Request) (*http.Response, error) {
				time.Sleep(100 * time.Millisecond) // less than what https is ahead elsewhere
				return serves(sampleHandler(t))(req)
			},
			http: serves(http.NotFoundHandler()), // the proxy's own
		}
		rt := &http.Transport{
			Proxy:        http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"}),
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		}
		rt.RegisterProtocol("http", s)
		rt.RegisterProtocol("https", s)
		c := newWorld(t).client(once, func(c *registry.Config) { c.Transport = rt })
		if err := readAll(t, c, "main.localhost"); err != nil || s.over("http") > 0 {
			t.Errorf("got %v; it was asked %q", err, s.requests())
		}
	})
}
