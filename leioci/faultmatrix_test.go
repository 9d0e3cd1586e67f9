package leioci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A faultRow is a fault and its expected outcome at each step of a pull and of a push.
//
// "ok+2" is a success with two more requests than without the fault. "denied@1" is a failure of
// that kind after the fault occurred once. A step that is not listed cannot have the fault.
type faultRow struct {
	name     string
	times    int
	fault    func(w *world) leiocitest.Fault
	min, max time.Duration // how long the operation takes; max is 10 s by default
	says     string        // expected text, in place of the step's own
	refetch  int64         // how many bytes of the blob may be sent twice; a read buffer by default
	pull     map[string]string
	push     map[string]string
}

// buffer is the largest read of the reader of a blob.
const buffer = 32 << 10

// TestEveryFaultAtEveryStep covers what a bad network or a bad registry can do to a transfer. With
// -v, it prints the table.
func TestEveryFaultAtEveryStep(t *testing.T) {
	var printed table
	requests := map[string]int{}
	for _, op := range []string{
		"pull", "push", "pull from storage", "push without mounts", "pull what is hidden", "push what is hidden",
	} {
		synctest.Test(t, func(t *testing.T) { requests[op] = cleanRequests(t, op) })
	}
	t.Run("matrix", func(t *testing.T) { testMatrix(t, requests, printed.add) })
	t.Logf("the fault, the operation, the step, and what came of it:\n%s", printed.sorted())
}

// testMatrix runs every cell, several at once: each has a network and a clock of its own.
func testMatrix(t *testing.T, requests map[string]int, report func(string)) {
	for _, row := range faultRows() {
		for op, steps := range map[string][]step{"pull": pullSteps(), "push": pushSteps()} {
			wants := row.pull
			if op == "push" {
				wants = row.push
			}
			for _, s := range steps {
				want, ok := wants[s.name]
				if !ok {
					continue
				}
				t.Run(row.name+"/"+op+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						report(fmt.Sprintf("%-46s %-5s %-16s %s", row.name, op, s.name, testFault(t, row, op, s, want, requests)))
					})
				})
			}
			for name := range wants {
				if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name }) {
					t.Errorf("%s: a %s has no step %q", row.name, op, name)
				}
			}
		}
	}
}

// A table collects the lines of tests that run at once.
type table struct {
	mu    sync.Mutex
	lines []string
}

func (l *table) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *table) sorted() string {
	slices.Sort(l.lines)
	return strings.Join(l.lines, "\n")
}

// cleanRequests returns how many requests an operation needs without a fault.
func cleanRequests(t *testing.T, op string) int {
	w := newWorld(t)
	op, _, w.toStorage = strings.Cut(op, " from storage")
	op, _, w.noMounts = strings.Cut(op, " without mounts")
	op, _, w.hides = strings.Cut(op, " what is hidden")
	w.prepare(op)
	before := w.requests()
	must(t, w.run(op))
	synctest.Wait()
	return w.requests() - before
}

// testFault runs an operation with a fault at a step and returns the outcome.
func testFault(t *testing.T, row faultRow, op string, s step, want string, requests map[string]int) string {
	w := newWorld(t)
	usual := requests[op]
	switch s.name {
	case "redirect target":
		w.toStorage, usual = true, requests[op+" from storage"]
	case "blob HEAD":
		w.noMounts, usual = true, requests[op+" without mounts"]
	case "ping":
		w.hides, usual = true, requests[op+" what is hidden"]
	}
	cache := w.prepare(op)
	before := w.requests()
	hits := w.inject(s, row.times, cache, row.fault(w))
	start := time.Now()
	err := w.run(op)
	took, open := time.Since(start), w.bodies.open.Load()
	synctest.Wait() // for the registry to see what was sent

	got := fmt.Sprintf("ok+%d", w.requests()-before-usual)
	if err != nil {
		got = fmt.Sprintf("%s@%d", kindOf(err), hits())
		if row.says != "" {
			s.says = row.says
		}
		assertSays(t, err, s, op)
	}
	if got != want {
		t.Errorf("got %s, want %s: %v", got, want, err)
	}
	if hits() == 0 {
		t.Error("the fault did not strike")
	}
	if most := max(row.max, 10*time.Second); took < row.min || row.max != 0 && took > row.max || row.max == 0 && took > most {
		t.Errorf("it took %v, want %v to %v", took, row.min, most)
	}
	w.assertSecretsKept(err)
	if op == "pull" {
		w.assertPulled(err, max(row.refetch, buffer))
	}
	if open != 0 {
		t.Errorf("%d bodies were left open", open)
	}
	return fmt.Sprintf("%-16s %8v  %s", got, took.Round(100*time.Millisecond), firstLine(err))
}

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// prepare fills the registry for an operation and returns the digest of the blob whose GET is the
// step "blob GET".
func (w *world) prepare(op string) string {
	cache := ""
	if op == "push" {
		w.fill(older, `{"data":{"repo":"https://example.org/b"}}`, "latest") // so that there is a tag to check
	} else {
		cache = w.fill(newer, report, "latest")
	}
	return cache
}

// run pulls a newer snapshot over an older one, or pushes it.
func (w *world) run(op string) error {
	if op == "pull" {
		_, err := w.client.PullSnapshot(w.t.Context(), w.repo.Tag("latest"), w.dir)
		return err
	}
	img, err := leioci.Package(w.t.Context(), leiocitest.WriteSnapshot(w.t, newer, report), leioci.PackageFuture())
	must(w.t, err)
	_, err = w.client.PushSnapshot(w.t.Context(), w.repo, []string{"2026-02-08", "latest"}, img)
	return err
}

// assertPulled checks what a pull left behind.
func (w *world) assertPulled(err error, refetch int64) {
	w.t.Helper()
	if err != nil {
		w.assertTarget(older)
		return
	}
	w.assertTarget(newer)
	size := int64(len(readFile(w.t, w.dir, "cache.jsonl.gz")))
	if twice := w.bodies.longest.Load() - size; twice > refetch {
		w.t.Errorf("%d bytes of the blob came twice, want at most %d", twice, refetch)
	}
}

// assertSays fails unless a message names the reference and the step.
func assertSays(t *testing.T, err error, s step, op string) {
	t.Helper()
	says := s.says
	if op == "pull" && s.name != "first request" && s.name != "ping" && s.name != "token" && strings.Contains(err.Error(), "manifest.json:") {
		says = "manifest.json" // the fault struck the other blob, too
	}
	if text := err.Error(); !strings.Contains(text, registryHost+"/org/lei-cache") || !strings.Contains(text, says) {
		t.Errorf("the message names %q or %q not: %v", registryHost+"/org/lei-cache", says, err)
	}
}

// kindOf names an error's most specific kind that a caller can test for, or the registry's status.
func kindOf(err error) string {
	var limited *leioci.RateLimitError
	if errors.As(err, &limited) {
		return "rate limited " + strconv.Itoa(int(limited.RetryAfter.Seconds()))
	}
	for _, k := range []struct {
		kind error
		name string
	}{
		{leioci.ErrStalled, "stalled"},
		{leioci.ErrNotFound, "not found"},
		{leioci.ErrUnauthorized, "unauthorized"},
		{leioci.ErrDenied, "denied"},
		{leioci.ErrTooLarge, "too large"},
		{leioci.ErrInsecure, "insecure"},
		{leioci.ErrVerification, "verification"},
		{leioci.ErrUnsupportedManifest, "no manifest"},
		{syscall.ECONNREFUSED, "refused"},
		{io.ErrUnexpectedEOF, "broken off"},
		{io.EOF, "cut"},
		{io.ErrClosedPipe, "cut"}, // in memory; ECONNRESET on a network
		{context.Canceled, "canceled"},
	} {
		if errors.Is(err, k.kind) {
			return k.name
		}
	}
	var answer *transport.Error
	if errors.As(err, &answer) {
		return strconv.Itoa(answer.StatusCode)
	}
	for text, kind := range map[string]string{
		"10 redirects":           "10 redirects",
		"private":                "private",
		"Location":               "bad Location",
		"not a URL":              "bad Location",
		"URL with scheme":        "bad Location",
		"invalid character":      "no token",
		"is not a token":         "no token",
		"unexpected end of JSON": "no token",
		"exceeds":                "no token",
	} {
		if strings.Contains(err.Error(), text) {
			return kind
		}
	}
	return "unknown"
}
