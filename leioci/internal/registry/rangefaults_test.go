package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAStreamMayBreakOffBesideItsRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
		reg, repo := w.serve("main.localhost")
		slow.at(reg)
		slow.stream = dripping(leiocitest.Truncate(1 << 20))
		fetched, took, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
		if err != nil || part.holds() != slow.content || fetched != slowSize || part.left(true) != "" {
			t.Errorf("got %v, %d bytes, and %s", err, fetched, part.left(true))
		}
		if asked := slow.requests(); len(asked) != 7 || took > slowly/3 {
			t.Errorf("took %v and %q", took, asked)
		}
	})
}

func TestOneRangeThatIsNotServed(t *testing.T) {
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		asks  int // at most
		took  time.Duration
	}{
		// The stream goes on, so that nothing need be asked for again.
		"as there are too many": {leiocitest.RetryAfter(http.StatusTooManyRequests, "86400"), 6, slowly},
		"nor refused":           {leiocitest.Hang(nil), 7, slowly / 2},
		"as it is forbidden":    {leiocitest.Status(http.StatusForbidden, ""), 7, slowly / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				slow.fault = func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
					var begin, end int
					_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &begin, &end)
					if begin < slowSize/2 && slowSize/2 < end && len(slow.requests()) <= 6 {
						time.Sleep(50 * time.Millisecond) // the others have begun by then
						tc.fault(w, r, registry)
						return
					}
					leiocitest.Drip(32<<10, slowPause)(w, r, registry)
				}
				_, took, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
				if err != nil || part.holds() != slow.content || part.left(true) != "" {
					t.Errorf("got %v, and %s", err, part.left(true))
				}
				if asked := slow.requests(); len(asked) > tc.asks || len(asked) < 6 || took > tc.took {
					t.Errorf("took %v and %q", took, asked)
				}
			})
		})
	}
}

func TestARegistryThatWantsLessTrafficIsAskedForNoRanges(t *testing.T) {
	for name, what := range map[string]string{"a manifest": "/manifests/", "a blob": "/blobs/"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow := newWorld(t), newSlowBlob()
				reg, repo := w.serve("main.localhost")
				limit := reg.On(http.MethodGet, what, 1, leiocitest.Status(http.StatusTooManyRequests, ""))
				slow.at(reg)
				source := w.client(allowLarge).Source(repo)
				_, _, err := source.Manifest(t.Context(), repo.Tag("latest"), nil)
				must(t, err)
				_, _, err = slow.download(t.Context(), t, source, &divisible{})
				if asked := slow.requests(); err != nil || len(asked) != 1 || limit.Hits() != 1 {
					t.Errorf("got %v by %q", err, asked)
				}
				time.Sleep(time.Hour)
				_, _, err = slow.download(t.Context(), t, source, &divisible{})
				if asked := slow.requests(); err != nil || len(asked) != 1+6 {
					t.Errorf("an hour later, got %v by %q", err, asked)
				}
			})
		})
	}
}

func TestRangesThatAreNoFasterThanAStreamAreNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow := newWorld(t), newSlowBlob()
		reg, repo := w.serve("main.localhost")
		slow.at(reg)
		slow.share = make(chan struct{}, 1)
		source := w.client(allowLarge).Source(repo)
		for i, want := range []int{6, 7} {
			_, took, err := slow.download(t.Context(), t, source, &divisible{})
			if asked := slow.requests(); err != nil || len(asked) != want || took > slowly*11/10 {
				t.Errorf("time %d took %v, %v by %q", i, took, err, asked)
			}
		}
	})
}

func TestTheRangesOfAClientAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow := newWorld(t), newSlowBlob()
		reg, repo := w.serve("main.localhost")
		slow.at(reg)
		exchanges := w.exchanges()
		source := w.client(allowLarge, exchanges.of).Source(repo)
		g, ctx := errgroup.WithContext(t.Context())
		for range 3 {
			g.Go(func() error {
				_, _, err := slow.download(ctx, t, source, &divisible{})
				return err
			})
		}
		if err, most := g.Wait(), exchanges.atOnce(); err != nil || most > 3+8 || most <= 6 {
			t.Errorf("got %v with %d connections", err, most)
		}
	})
}

func TestADownloadThatIsInterruptedInRangesGoesOnWithThem(t *testing.T) {
	for name, right := range map[string]bool{"the pieces are right": true, "a piece is wrong": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				ctx, cancel, cause := withCause(t)
				defer time.AfterFunc(slowly/10, func() { cancel(cause) }).Stop()
				first, _, err := slow.download(ctx, t, w.client(allowLarge).Source(repo), part)
				if err == nil || !strings.HasPrefix(slow.content, part.holds()) || part.left(false) != "" || first < slowSize/4 {
					t.Fatalf("got %v, %d bytes, and %s", err, first, part.left(false))
				}
				asked := len(slow.requests())
				part.reopen()
				pieces := part.Pieces()
				if !right {
					part.pieces[pieces[2]].content[10] ^= 1
				}
				exchanges := w.exchanges()
				second, took, err := slow.download(t.Context(), t, w.client(allowLarge, exchanges.of).Source(repo), part)
				if err != nil || part.holds() != slow.content || part.left(true) != "" {
					t.Errorf("got %v, %d bytes, and %s", err, second, part.left(true))
				}
				want := slowSize - first
				if !right {
					want += slowSize
				}
				if most := exchanges.atOnce(); most < 3 {
					t.Errorf("there were %d requests at once", most)
				}
				if second > want+1<<20 || second < want || len(pieces) < 4 {
					t.Errorf("fetched %d bytes, and then %d in %v, by %q", first, second, took, slow.requests()[asked:])
				}
			})
		})
	}
}

func TestAStreamThatIsAboutToReachAPieceIsDividedAfterIt(t *testing.T) {
	for name, left := range map[string]int{"it is there": 4000, "it is nearly there": 5000} { // 4000 bytes come before it is judged
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				const begin, end = 1 << 20, 1<<20 + 512<<10
				part.before = slow.content[:begin-left]
				part.pieces = map[int64]*memoryPiece{begin: {of: part, offset: begin, content: []byte(slow.content[begin:end])}}
				slow.fault = func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
					time.Sleep(30 * time.Millisecond) // no range is there at once
					if len(slow.requests()) == 1 {
						leiocitest.Drip(1000, 20*time.Millisecond)(w, r, registry)
						return
					}
					leiocitest.Drip(32<<10, slowPause)(w, r, registry)
				}
				_, took, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
				if err != nil || part.holds() != slow.content || part.left(true) != "" {
					t.Errorf("got %v, and %s", err, part.left(true))
				}
				if asked := slow.requests(); took > slowly*3/4 || len(asked) < 4 {
					t.Errorf("took %v and %q", took, asked)
				}
			})
		})
	}
}

func TestAFullDiskEndsTheRangesAndNotTheDownload(t *testing.T) {
	for name, full := range map[string]func(part *divisible, slow *slowBlob) func(beside bool) bool{
		"the first piece": func(*divisible, *slowBlob) func(bool) bool { return func(beside bool) bool { return beside } },
		"a piece, later": func(part *divisible, _ *slowBlob) func(bool) bool {
			return func(beside bool) bool { return beside && part.size() > 4<<20 }
		},
		"the file, which needs the room": func(part *divisible, _ *slowBlob) func(bool) bool {
			return func(beside bool) bool { return !beside && part.size() > slowSize+200_000 }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
				reg, repo := w.serve("main.localhost")
				slow.at(reg)
				part.full = full(part, slow)
				_, took, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
				if err != nil || part.holds() != slow.content || part.left(true) != "" {
					t.Errorf("got %v, %d bytes, and %s", err, len(part.holds()), part.left(true))
				}
				if asked := slow.requests(); len(asked) < 2 || took > slowly {
					t.Errorf("took %v and %q", took, asked)
				}
			})
		})
	}
}

func TestADiskThatStaysFullKeepsTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
		reg, repo := w.serve("main.localhost")
		slow.at(reg)
		part.full = func(bool) bool { return part.size() > 4<<20 }
		_, _, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
		if !errors.Is(err, errDiskFull) || !strings.HasPrefix(slow.content, part.holds()) || part.holds() == "" || part.left(true) != "" {
			t.Errorf("got %v, %d bytes, and %s", err, len(part.holds()), part.left(true))
		}
	})
}

func TestRangesComeFromThePlaceOfTheStream(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b   leiocitest.Fault // nil for nothing wrong
		by     string           // who serves it
		ranges int              // how often that is asked
	}{
		"the first":                {nil, nil, "a.localhost", 6},
		"the second":               {leiocitest.Status(http.StatusNotFound, ""), nil, "b.localhost", 6},
		"two with wrong content":   {dripping(leiocitest.Corrupt(9)), dripping(leiocitest.Corrupt(9)), "main.localhost", 6},
		"one with a wrong blob":    {dripping(leiocitest.Corrupt(9)), nil, "b.localhost", 6},
		"one that breaks off soon": {leiocitest.Truncate(10), nil, "b.localhost", 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, slow, part := newPlaces(t), newSlowBlob(), &divisible{}
				for host, fault := range map[string]leiocitest.Fault{"a.localhost": tc.a, "b.localhost": tc.b} {
					if fault != nil {
						p.regs[host].On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
							fault(w, r, http.HandlerFunc(slow.serveAtOnce))
						})
					}
				}
				by := slow.at(p.regs[tc.by])
				slow.at(p.regs["a.localhost"])
				slow.at(p.regs["b.localhost"])
				slow.at(p.regs["main.localhost"])
				_, _, err := slow.download(t.Context(), t, p.source(allowLarge), part)
				if err != nil || part.holds() != slow.content || part.left(true) != "" {
					t.Errorf("got %v, and %s", err, part.left(true))
				}
				if by.Hits() != tc.ranges || len(slow.requests()) != tc.ranges {
					t.Errorf("%s was asked %d times, and all for %q", tc.by, by.Hits(), slow.requests())
				}
			})
		})
	}
}

func TestRangesAskTheRegistryForTheirOwnRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow, part := newWorld(t), newSlowBlob(), &divisible{}
		reg, repo := w.serve("main.localhost")
		storage, _ := w.serve("storage.localhost")
		redirects := reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Redirect(http.StatusTemporaryRedirect, "http://storage.localhost"))
		slow.at(storage)
		_, took, err := slow.download(t.Context(), t, w.client(allowLarge).Source(repo), part)
		if err != nil || part.holds() != slow.content || redirects.Hits() != 6 || took > slowly/3 {
			t.Errorf("got %v in %v after %d redirects", err, took, redirects.Hits())
		}
	})
}
