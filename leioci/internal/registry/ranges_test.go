package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestASlowBlobIsFetchedInRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
		reg, repo := w.serve("main.localhost")
		slow.at(reg)
		exchanges := w.exchanges()
		fetched, took, err := slow.download(t.Context(), t, w.client(allowLarge, exchanges.of).Source(repo), part)
		if err != nil || part.holds() != slow.content || fetched != slowSize || part.left(true) != "" {
			t.Errorf("got %v, %d bytes, and %s", err, fetched, part.left(true))
		}
		if took > slowly/3 {
			t.Errorf("took %v, and %v as one stream", took, slowly)
		}
		asked := slow.requests()
		if most := exchanges.atOnce(); len(asked) != 6 || asked[0] != "" || most != 6 {
			t.Errorf("the registry was asked for %q, %d at once", asked, most)
		}
	})
}

func TestWhereRangesDoNotHelpThereIsOneStream(t *testing.T) {
	for name, tc := range map[string]struct {
		part   registry.Partial
		edit   func(*registry.Config) // may be nil
		stream leiocitest.Fault       // nil for a slow one
	}{
		"a partial file without pieces": {&partial{}, nil, nil},
		"a client that wants one":       {&divisible{}, func(c *registry.Config) { c.OneStream = true }, nil},
		"a fast registry":               {&divisible{}, nil, leiocitest.Drip(32<<10, 100*time.Microsecond)},
		"a registry without ranges":     {&divisible{}, nil, dripping(leiocitest.Header("Accept-Ranges", "none"))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow := newWorld(t), newSlowBlob()
				slow.stream = tc.stream
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				edits := []func(*registry.Config){allowLarge}
				if tc.edit != nil {
					edits = append(edits, tc.edit)
				}
				fetched, _, err := slow.download(t.Context(), t, w.client(edits...).Source(repo), tc.part)
				if asked := slow.requests(); err != nil || fetched != slowSize || len(asked) != 1 {
					t.Errorf("got %v, %d bytes by %q", err, fetched, asked)
				}
			})
		})
	}
}

// dripping is a fault that comes slowly.
func dripping(fault leiocitest.Fault) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		leiocitest.Drip(32<<10, slowPause)(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fault(w, r, registry) }))
	}
}

// partOf answers a range with the right header, and other bytes.
func partOf(edit func(body []byte) []byte) leiocitest.Fault {
	return dripping(leiocitest.Body(edit))
}

func TestARangeThatIsNotServedChangesNothing(t *testing.T) {
	none := func(http.ResponseWriter, *http.Request, http.Handler) {}
	for name, fault := range map[string]leiocitest.Fault{
		"the whole":                     leiocitest.IgnoreRange(),
		"the whole, slowly":             dripping(leiocitest.IgnoreRange()),
		"not satisfiable":               leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, ""),
		"forbidden":                     leiocitest.Status(http.StatusForbidden, "DENIED"),
		"no longer there":               leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"),
		"unauthorized":                  leiocitest.Status(http.StatusUnauthorized, ""),
		"too many requests":             leiocitest.RetryAfter(http.StatusTooManyRequests, "86400"),
		"too many requests, by a code":  leiocitest.Status(http.StatusForbidden, "TOOMANYREQUESTS"),
		"unavailable":                   leiocitest.RetryAfter(http.StatusServiceUnavailable, "86400"),
		"no content":                    leiocitest.Status(http.StatusNoContent, ""),
		"200 and nothing":               none,
		"206 and nothing":               leiocitest.Status(http.StatusPartialContent, ""),
		"no Content-Range":              dripping(leiocitest.Header("Content-Range", "")),
		"another range":                 dripping(leiocitest.Header("Content-Range", "bytes 0-9/8388608")),
		"of another size":               dripping(otherSize),
		"several parts":                 multipart,
		"a broken connection":           leiocitest.Cut(),
		"an end without a body":         leiocitest.Truncate(0),
		"silence":                       leiocitest.Hang(nil),
		"a header, and then silence":    leiocitest.Stall(0),
		"a redirect to itself":          leiocitest.Redirect(http.StatusTemporaryRedirect, "http://main.localhost"),
		"a redirect to nowhere":         leiocitest.Redirect(http.StatusTemporaryRedirect, "http://nowhere.localhost"),
		"a redirect to where it is not": leiocitest.Redirect(http.StatusTemporaryRedirect, "http://other.localhost"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				w.serve("other.localhost")
				slow.at(reg)
				slow.fault = fault
				client := w.client(allowLarge)
				fetched, took, err := slow.download(t.Context(), t, client.Source(repo), part)
				if err != nil || part.holds() != slow.content || fetched < slowSize || part.left(true) != "" {
					t.Errorf("got %v, %d bytes, and %s", err, fetched, part.left(true))
				}
				synctest.Wait() // the registry may still be reading a request that was given up
				asked := slow.requests()
				if took > slowly || len(asked) < 2 || asked[0] != "" || slices.Contains(asked[1:], "") {
					t.Errorf("took %v and %q, and %v as one stream", took, asked, slowly)
				}
				slow.heal()
				ctx, cancel, cause := withCause(t)
				defer time.AfterFunc(slowly/4, func() { cancel(cause) }).Stop()
				_, _, err = slow.download(ctx, t, client.Source(repo), &divisible{})
				if again := slow.requests()[len(asked):]; !errors.Is(err, cause) || len(again) != 1 {
					t.Errorf("the next time got %v by %q", err, again)
				}
			})
		})
	}
}

func TestARangeThatIsServedBadlyIsReplacedByAStream(t *testing.T) {
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		took  time.Duration
	}{
		"some, and then silence":   {leiocitest.Stall(100_000), 5 * time.Second},
		"a byte, and then silence": {leiocitest.Stall(1), 5 * time.Second},
		"some, and then an end":    {leiocitest.Truncate(100_000), slowly},
		"some bytes a second":      {leiocitest.Drip(10, time.Second), 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				slow.fault = func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
					fault := tc.fault
					if len(slow.requests()) > 6 { // not a range, but the rest
						fault = leiocitest.Drip(32<<10, slowPause)
					}
					fault(w, r, registry)
				}
				fetched, took, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
				if err != nil || part.holds() != slow.content || fetched > slowSize+5*200_000 || part.left(true) != "" {
					t.Errorf("got %v, %d bytes, and %s", err, fetched, part.left(true))
				}
				if asked := slow.requests(); took > tc.took || len(asked) > 11 {
					t.Errorf("took %v and %q", took, asked)
				}
			})
		})
	}
}

// otherSize says that the whole has another size.
func otherSize(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	bytes := strings.TrimPrefix(r.Header.Get("Range"), "bytes=")
	leiocitest.Header("Content-Range", fmt.Sprintf("bytes %s/%d", bytes, slowSize+1))(w, r, registry)
}

// multipart answers a range with two, each a part of its body.
func multipart(w http.ResponseWriter, r *http.Request, registry http.Handler) {
	two := r.Clone(r.Context())
	two.Header.Set("Range", r.Header.Get("Range")+",0-9")
	registry.ServeHTTP(w, two)
}

func TestWrongContentOfARangeIsFetchedOnceMoreAsOneStream(t *testing.T) {
	flipped := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	first := func(b []byte) []byte { return newSlowBlobBytes(len(b)) }
	for name, edit := range map[string]func([]byte) []byte{"a bit": flipped, "the bytes of another range": first} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				slow.fault = partOf(edit)
				client := w.client(allowLarge)
				fetched, _, err := slow.download(t.Context(), t, client.Source(repo), part)
				if err != nil || part.holds() != slow.content || fetched != 2*slowSize || part.left(true) != "" {
					t.Errorf("got %v, %d bytes, and %s", err, fetched, part.left(true))
				}
				asked := slow.requests()
				if len(asked) != 7 || asked[6] != "" {
					t.Errorf("the registry was asked for %q", asked)
				}
				if _, _, err := slow.download(t.Context(), t, client.Source(repo), &divisible{}); err != nil || len(slow.requests()) != 8 {
					t.Errorf("next time got %v by %q", err, slow.requests()[7:])
				}
			})
		})
	}
}

// newSlowBlobBytes returns the first bytes of a slow blob.
func newSlowBlobBytes(n int) []byte { return []byte(newSlowBlob().content[:n]) }
