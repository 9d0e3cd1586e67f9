package registry_test

import (
	"crypto/tls"
	"net/http"
	"sync/atomic"
	"testing"
)

func TestARegistryThatMovedToTheOtherSchemeIsFoundThere(t *testing.T) {
	store := sampleHandler(t)
	for _, host := range []string{"main.localhost", "10.0.0.5"} {
		for name, redirects := range map[string]bool{"refuses http": false, "redirects to https": true} {
			var secure atomic.Bool
			c := newWorld(t).client(once, on(&schemes{
				https: func(req *http.Request) (*http.Response, error) {
					if !secure.Load() {
						return nil, tls.RecordHeaderError{RecordHeader: [5]byte{'H', 'T', 'T', 'P', '/'}}
					}
					return serves(store)(req)
				},
				http: func(req *http.Request) (*http.Response, error) {
					switch {
					case !secure.Load():
						return serves(store)(req)
					case redirects:
						return serves(http.RedirectHandler("https://"+host+req.URL.Path, http.StatusMovedPermanently))(req)
					}
					return serves(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))(req)
				},
			}))
			for i, repo := range []string{"cache", "other", "third"} {
				if _, err := readBlob(t, c.Source(repository(t, host).Repo("org", repo)), sample(t)); err != nil {
					t.Errorf("%s %s: session %d: %v", host, name, i+1, err)
				}
				secure.Store(!secure.Load())
			}
		}
	}
}
