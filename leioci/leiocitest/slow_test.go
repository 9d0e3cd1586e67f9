package leiocitest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A silent fault lasts until the client goes away, whether or not it has sent all of its body.
func TestSilenceLastsUntilTheClientGoesAway(t *testing.T) {
	for name, tc := range map[string]struct {
		fault leiocitest.Fault
		body  string
		read  string
	}{
		"no answer":                      {leiocitest.Hang(nil), "", ""},
		"no answer to a body":            {leiocitest.Hang(nil), "content", ""},
		"no answer to a large body":      {leiocitest.Hang(nil), strings.Repeat("content", 1<<16), ""},
		"a body that falls silent":       {leiocitest.Stall(3), "", "012"},
		"a body that falls silent later": {leiocitest.Stall(3), strings.Repeat("content", 1<<16), "012"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := leiocitest.NewNetwork(t)
				n.Serve("one.example", http.HandlerFunc(hello)).On("", "", leiocitest.Always, tc.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				_, got, err := ask(ctx, t, n.Transport(), http.MethodPut, "http://one.example/", strings.NewReader(tc.body))
				if !errors.Is(err, context.DeadlineExceeded) || got != tc.read || time.Since(start) != time.Minute {
					t.Errorf("got %q, %v after %v", got, err, time.Since(start))
				}
			})
		})
	}
}

func TestDripPausesAfterEachPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := leiocitest.NewNetwork(t)
		n.Serve("one.example", http.HandlerFunc(hello)).On("", "", leiocitest.Always, leiocitest.Drip(3, time.Minute))
		start := time.Now()
		_, got, err := ask(t.Context(), t, n.Transport(), http.MethodGet, "http://one.example/", nil)
		if got != "0123456789" || err != nil || time.Since(start) != 4*time.Minute {
			t.Errorf("got %q, %v after %v", got, err, time.Since(start))
		}
	})
}

func TestEndlessHasNoEnd(t *testing.T) {
	n := leiocitest.NewNetwork(t)
	n.Serve("one.example", http.HandlerFunc(hello)).On("", "", leiocitest.Always, leiocitest.Endless())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://one.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := n.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.CopyN(io.Discard, resp.Body, 10<<20); err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}
