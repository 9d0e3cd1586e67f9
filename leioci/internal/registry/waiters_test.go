package registry_test

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// readAtOnce lets n operations read the sample's blob at once, and returns how many failed.
func readAtOnce(t *testing.T, n int, c *registry.Client) (failed int) {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	for range n {
		group.Go(func() {
			if _, err := readBlob(t, c.Source(repository(t, "main.example")), sample(t)); err != nil {
				mu.Lock()
				failed++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return failed
}

func TestWhoeverWaitedForARequestWaitsAsLongAsItsAnswerAsksFor(t *testing.T) {
	const n, wait = 16, 30 * time.Second
	for name, path := range map[string]string{"the first request": getBlob, "a token": "GET /token"} {
		synctest.Test(t, func(t *testing.T) {
			begin, store := time.Now(), sampleHandler(t)
			var early atomic.Int64
			s := &schemes{https: serves(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second) // the others begin to wait
				switch {
				case r.Method+" "+r.URL.Path == path && time.Since(begin) < wait:
					early.Add(1)
					w.Header().Set("Retry-After", "30")
					w.WriteHeader(http.StatusTooManyRequests)
				case r.URL.Path == "/token":
					_, _ = io.WriteString(w, `{"token":"granted"}`)
				case r.Header.Get("Authorization") != "Bearer granted":
					w.Header().Set("WWW-Authenticate", `Bearer realm="https://main.example/token",service="x"`)
					w.WriteHeader(http.StatusUnauthorized)
				default:
					store.ServeHTTP(w, r)
				}
			}))}
			c := newWorld(t).client(on(s), func(c *registry.Config) {
				c.Retry = retry.Policy{Attempts: 2, MinDelay: time.Second, MaxDelay: time.Second, MaxRetryAfter: time.Minute}
			})
			if failed := readAtOnce(t, n, c); failed > 0 || early.Load() != 1 {
				t.Errorf("%s: %d of %d failed; it was asked %d times before it wanted that", name, failed, n, early.Load())
			}
		})
	}
}

func TestATokenServerThatIsAwayIsWaitedForOnce(t *testing.T) {
	const n, hangs = 50, 20 * time.Second
	synctest.Test(t, func(t *testing.T) {
		store := sampleHandler(t)
		var tokens atomic.Int64
		var away atomic.Bool
		s := &schemes{https: serves(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			isAway := away.Load()
			if r.URL.Path == "/token" {
				tokens.Add(1)
			}
			switch {
			case r.URL.Path == "/token" && isAway:
				time.Sleep(hangs)
				w.WriteHeader(http.StatusBadGateway)
			case r.URL.Path == "/token":
				_, _ = io.WriteString(w, `{"token":"granted"}`)
			case isAway || r.Header.Get("Authorization") == "": // what was granted has expired
				w.Header().Set("WWW-Authenticate", `Bearer realm="https://main.example/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
			default:
				store.ServeHTTP(w, r)
			}
		}))}
		c := newWorld(t).client(on(s), once)
		if failed := readAtOnce(t, 1, c); failed > 0 {
			t.Fatal("it cannot be read")
		}
		away.Store(true)
		begin := time.Now()
		if failed := readAtOnce(t, n, c); failed != n || tokens.Load() != 2 || time.Since(begin) != hangs {
			t.Errorf("%d of %d failed within %v, after %d requests for a token", failed, n, time.Since(begin), tokens.Load())
		}
		away.Store(false)
		if failed := readAtOnce(t, n, c); failed > 0 {
			t.Errorf("%d of %d failed afterwards", failed, n)
		}
	})
}
