//go:build unix

package leioci_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// The phases of a pull over an older snapshot that can be distinguished from outside, in order.
const (
	phaseResolve  = "manifest"
	phaseStaged   = "before the blob's first byte"
	phaseWithin   = "within the blob"
	phaseWhole    = "blob whole, not in place"
	phaseReplaced = "in place, old one not removed"
	phaseDone     = "done"
)

// aimed are the phases that need a minimum number of kills.
var aimed = []string{phaseResolve, phaseStaged, phaseWithin, phaseWhole, phaseReplaced, phaseDone}

const (
	leastKills = 10   // in each phase
	mostKills  = 3000 // to have them
)

// killsWanted is the minimum number of kills.
func killsWanted(t testing.TB) int {
	t.Helper()
	n := 120
	if s := os.Getenv("LEIOCI_TEST_KILLS"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		must(t, err)
	}
	return n
}

// phase returns how far a killed pull got, judging by what it left behind.
func (w *crashWorld) phase() string {
	w.t.Helper()
	staged, partial := w.left()
	switch replaced := string(readFile(w.t, w.dir, "oci-manifest.json")) == w.new["oci-manifest.json"]; {
	case replaced && staged == nil:
		return phaseDone
	case replaced:
		return phaseReplaced
	case staged == nil:
		return phaseResolve
	case partial == w.large.Size, slices.Contains(staged, "cache.jsonl.gz"):
		return phaseWhole
	case partial > 0:
		return phaseWithin
	default:
		return phaseStaged
	}
}

// left returns the entries of the staging directory beside the target, or nil if there is none, and
// how much of the large blob has been downloaded.
func (w *crashWorld) left() (staged []string, partial int64) {
	w.t.Helper()
	for _, name := range namesIn(w.t, w.parent) {
		if strings.HasPrefix(name, ".leioci-staging-") {
			staged = append(namesIn(w.t, filepath.Join(w.parent, name)), "")
		}
	}
	return staged, w.partial()
}

// partial returns the size of the large blob's partial file.
func (w *crashWorld) partial() int64 {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.parent, ".leioci-partial-*"+w.large.Digest.Hex))
	must(w.t, err)
	for _, path := range found {
		if info, err := os.Stat(path); err == nil {
			return info.Size()
		}
	}
	return 0
}

// aim returns a moment in a phase, or nearly.
func (w *crashWorld) aim(phase string) moment {
	before := inode(w.t, w.dir)
	replaced := func() bool {
		now, err := os.Stat(w.dir)
		return err == nil && !os.SameFile(before, now)
	}
	switch phase {
	case phaseResolve:
		return moment{requests: 1 + rand.IntN(2), later: rand.N(answerPause)}
	case phaseStaged:
		return moment{requests: 3 + rand.IntN(2), later: rand.N(answerPause)}
	case phaseWithin:
		return moment{served: 1 + rand.Int64N(w.large.Size-1)}
	case phaseWhole:
		return moment{served: w.large.Size, later: rand.N(w.tail)}
	case phaseReplaced:
		return moment{served: w.large.Size, seen: replaced, later: rand.N(100 * time.Microsecond)}
	case phaseDone:
		return moment{served: w.large.Size, seen: replaced, later: rand.N(w.tail)}
	default: // any
		return moment{requests: 1, later: rand.N(w.whole)}
	}
}

// fewest returns the phase with the fewest kills.
func fewest(kills map[string]int) string {
	return slices.MinFunc(aimed, func(a, b string) int { return kills[a] - kills[b] })
}

func TestCrashAtAnyMomentLeavesOneOfTheTwoSnapshots(t *testing.T) {
	w := newCrashWorld(t)
	w.measure()
	kills, total := map[string]int{}, 0
	for wanted := killsWanted(t); total < wanted || kills[fewest(kills)] < leastKills; total++ {
		if total == max(wanted, mostKills) {
			t.Errorf("%d kills, and only %d in the phase %q", total, kills[fewest(kills)], fewest(kills))
			break
		}
		w.reset()
		at := w.aim("")
		if total%2 == 0 {
			at = w.aim(fewest(kills))
		}
		w.crash(at)
		phase := w.phase()
		kills[phase]++
		w.assertOneOfTheTwo(phase)
		w.assertRecovers(phase)
		if t.Failed() {
			t.Fatalf("after %d kills", total)
		}
	}
	t.Logf("a pull took %v, %v of it after the last byte; %d kills fell into these phases:%s", w.whole, w.tail, total, distribution(kills))
}

func TestKillsInARowPileNothingUp(t *testing.T) {
	w := newCrashWorld(t)
	w.reset()
	had := int64(0)
	for i := range 10 {
		w.crash(moment{served: 1, hold: true, seen: func() bool {
			return w.partial() >= had+piece
		}})
		partial := w.partial()
		if partial != had+piece {
			t.Errorf("of the blob were %d bytes there, and after one piece more %d", had, partial)
		}
		if beside := namesIn(t, w.parent); len(beside) > 5 { // the directory, a new one, the lock file, and a partial for each blob
			t.Errorf("after %d kills there are %q", i+1, beside)
		}
		had = partial
		w.assertOneOfTheTwo(phaseWithin)
	}
	w.assertRecovers(phaseWithin)
}

func distribution(kills map[string]int) string {
	var b strings.Builder
	for _, phase := range aimed {
		fmt.Fprintf(&b, "\n%6d  %s", kills[phase], phase)
	}
	return b.String()
}

// assertOneOfTheTwo fails unless the directory has the complete old snapshot or the complete new
// one.
func (w *crashWorld) assertOneOfTheTwo(when string) {
	w.t.Helper()
	got, want := filesOf(w.t, w.dir), w.old
	if when == phaseReplaced || when == phaseDone {
		want = w.new
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("%s: the directory is neither snapshot: it holds %q", when, slices.Sorted(maps.Keys(got)))
	}
	verifySnapshot(w.t, w.dir)
}

// assertRecovers fails unless the next pull leaves only the new snapshot, and fetches only what is
// missing.
func (w *crashWorld) assertRecovers(when string) {
	w.t.Helper()
	partial := w.partial()
	ref, err := leioci.ParseReference(w.host + "/org/lei-cache:latest")
	must(w.t, err)
	res, err := w.client.PullSnapshot(w.t.Context(), ref, w.dir)
	if err != nil {
		w.t.Errorf("%s: the next pull failed: %v", when, err)
		return
	}
	missing := w.large.Size + w.small - partial
	if when == phaseReplaced || when == phaseDone {
		missing = 0
	}
	if res.BytesFetched > missing || partial >= 64<<10 && res.BytesFetched >= w.large.Size {
		w.t.Errorf("%s: %d bytes were missing, and %d fetched", when, missing, res.BytesFetched)
	}
	w.assertNew(when)
}

// assertNew fails unless the directory has the new snapshot and nothing is beside it.
func (w *crashWorld) assertNew(when string) {
	w.t.Helper()
	if !maps.Equal(filesOf(w.t, w.dir), w.new) {
		w.t.Errorf("%s: the directory does not hold the new snapshot", when)
	}
	if beside := namesIn(w.t, w.parent); !slices.Equal(beside, []string{"lei"}) {
		w.t.Errorf("%s: beside the directory are %q", when, beside)
	}
}
