package leioci_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// aTrip is the time that every response takes in the tests below.
const aTrip = 50 * time.Millisecond

func TestAPushTakesThreeRoundTrips(t *testing.T) {
	for concurrency, trips := range map[int]int{4: 3, 1: 7} {
		synctest.Test(t, func(t *testing.T) {
			w := newTripWorld(t)
			img := w.image(newer)
			w.reg.On("", "/org/", leiocitest.Always, late(aTrip))
			start := time.Now()
			_, err := w.client(leioci.WithConcurrency(concurrency)).PushSnapshot(t.Context(), w.repo, []string{"latest"}, img)
			must(t, err)
			if took := time.Since(start); took < time.Duration(trips)*aTrip || took > time.Duration(trips)*aTrip+10*time.Millisecond {
				t.Errorf("%d at a time: it took %v", concurrency, took)
			}
			w.assertMade("all", requestsMade{"GET manifests/latest": 1, "POST blobs/uploads": 3, "PUT blobs": 3, "PUT manifests/latest": 1})
		})
	}
}

// While it is asked what a tag holds, uploads are opened. If that says that nothing may be sent, or
// that it need not be, they are ended.
func TestUploadsThatWereOpenedForNothingAreEnded(t *testing.T) {
	deny := leiocitest.Status(http.StatusForbidden, "DENIED")
	for name, tc := range map[string]struct {
		look         leiocitest.Fault
		method       string // of the request that has the fault
		fault        leiocitest.Fault
		date         time.Time
		ends         int
		want         error
		within       time.Duration
		opts         []leioci.Option
		wantRequests int
	}{
		"the guard refuses":             {late(aTrip), "", nil, older, 3, leioci.ErrOlder, 200 * time.Millisecond, nil, 7},
		"it may not be looked at":       {afterATrip(deny), "", nil, newer, 3, leioci.ErrDenied, 200 * time.Millisecond, nil, 7},
		"nothing has to be sent":        {late(aTrip), "", nil, newer, 3, nil, 200 * time.Millisecond, nil, 7},
		"one at a time":                 {late(aTrip), "", nil, older, 1, leioci.ErrOlder, 200 * time.Millisecond, []leioci.Option{leioci.WithConcurrency(1)}, 3},
		"ending them fails":             {late(aTrip), http.MethodDelete, deny, older, 3, leioci.ErrOlder, 200 * time.Millisecond, nil, 7},
		"ending them hangs":             {late(aTrip), http.MethodDelete, leiocitest.Hang(nil), older, 3, leioci.ErrOlder, time.Second, nil, 7},
		"opening them hangs":            {late(aTrip), http.MethodPost, leiocitest.Hang(nil), older, 0, leioci.ErrOlder, time.Second, nil, 4},
		"opening them hangs for naught": {late(aTrip), http.MethodPost, leiocitest.Hang(nil), newer, 0, nil, time.Second, nil, 4},
		"opening them is denied":        {late(aTrip), http.MethodPost, deny, older, 0, leioci.ErrOlder, 200 * time.Millisecond, nil, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTripWorld(t)
				must(t, w.push(newer, "latest"))
				w.take()
				img := w.image(tc.date)
				w.reg.On(http.MethodGet, "/manifests/", leiocitest.Always, tc.look)
				if tc.fault != nil {
					w.reg.On(tc.method, "/blobs/", leiocitest.Always, tc.fault)
				}
				w.reg.On(http.MethodPost, "/blobs/", leiocitest.Always, neverMount)
				start := time.Now()
				_, err := w.client(tc.opts...).PushSnapshot(t.Context(), w.repo, []string{"latest"}, img)
				if took := time.Since(start); !errors.Is(err, tc.want) || took > tc.within {
					t.Errorf("got %v after %v", err, took)
				}
				made := w.take()
				total := 0
				for _, n := range made {
					total += n
				}
				if made["DELETE blobs"] != tc.ends || made["PUT blobs"] > 0 || total != tc.wantRequests {
					t.Errorf("the requests were %v", made)
				}
			})
		})
	}
}

// neverMount opens an upload of whatever is asked for.
func neverMount(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	plain := r.Clone(r.Context())
	plain.URL.RawQuery = ""
	registry.ServeHTTP(w, plain)
}

// afterATrip responds with a fault, after a round trip.
func afterATrip(fault leiocitest.Fault) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		time.Sleep(aTrip)
		fault(w, r, registry)
	}
}

func TestALookThatHangsEndsWithTheContextOrStalls(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newTripWorld(t)
			img := w.image(newer)
			w.reg.On(http.MethodGet, "/manifests/", leiocitest.Always, leiocitest.Hang(nil))
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			start := time.Now()
			_, err := w.client().PushSnapshot(ctx, w.repo, []string{"latest"}, img)
			want := leioci.ErrStalled
			if timeout == time.Second {
				want = ctx.Err()
			}
			if took := time.Since(start); !errors.Is(err, want) || took > min(timeout, 40*time.Second) {
				t.Errorf("got %v after %v", err, took)
			}
			if made := w.take(); made["POST blobs/uploads"] != 3 || made["PUT blobs"] > 0 {
				t.Errorf("the requests were %v", made)
			}
			if _, err := w.client().Push(t.Context(), w.repo, []string{"a"}, must2(img.RawManifest()), must2(img.Layers())); timeout == time.Hour && !errors.Is(err, leioci.ErrNotFound) {
				t.Errorf("what cannot be looked at fails no push, but a missing blob does: %v", err)
			}
		})
	}
}

// Many registries want another right to end an upload than to push. A token that has it is not asked
// for, and that it is refused is not taken for wrong credentials.
func TestEndingAnUploadAsksForNoOtherToken(t *testing.T) {
	server, store, bob := tokenWorld(t, leiocitest.TokenConfig{Policy: func(_ string, asked leiocitest.Access) []string {
		return slices.DeleteFunc(asked.Actions, func(action string) bool { return action == "delete" })
	}})
	synctest.Test(t, func(t *testing.T) { // where ending an upload takes no time, of which it has little
		network := leiocitest.NewNetwork(t)
		reg := network.Serve(mainHost, server.Protect(store))
		realm := must2(url.Parse(server.Realm()))
		inMemory, outside := network.Transport(), &http.Transport{DisableKeepAlives: true, DialContext: dialer("127.0.0.1:" + realm.Port())}
		k := &countedKeychain{auth: bob}
		c := newClient(t, leioci.WithKeychain(k), leioci.WithPlainHTTP(mainHost), leioci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Host == mainHost {
				return inMemory.RoundTrip(req)
			}
			return outside.RoundTrip(req) // to the token server
		})))
		dir := leiocitest.WriteSnapshot(t, monday)
		pushSnapshot(t, c, reg, dir, "latest")
		reg.On(http.MethodGet, "/manifests/", 1, late(aTrip))
		reg.On(http.MethodPost, "/blobs/", 3, neverMount)
		tokens, asked, before := len(server.Requests()), k.asked.Load(), len(reg.Requests())
		pushSnapshot(t, c, reg, dir, "latest")
		if n := len(server.Requests()) - tokens; tokens == 0 || n > 0 || k.asked.Load() != asked {
			t.Errorf("%d tokens were asked for, and credentials %d times", n, k.asked.Load()-asked)
		}
		if made := reg.Requests()[before:]; len(made) != 7 || requestCount(reg, "DELETE ") != 3 {
			t.Errorf("the requests were %q", made)
		}
	})
}

// countedKeychain is a keychain that counts how often it is asked.
type countedKeychain struct {
	auth  authn.Authenticator
	asked atomic.Int64
}

func (k *countedKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	k.asked.Add(1)
	return k.auth, nil
}
