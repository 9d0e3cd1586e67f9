//go:build unix

package leioci_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// The phases of a pull over an older snapshot, as they can be told from outside, in their order.
const (
	phaseResolve  = "handshake and manifest"
	phaseStaged   = "before the blob's first byte"
	phaseWithin   = "within the blob"
	phaseWhole    = "blob whole, not in place"
	phaseReplaced = "in place, old one not removed"
	phaseDone     = "done"
)

// aimed are the phases that enough of the kills have to fall into.
var aimed = []string{phaseResolve, phaseStaged, phaseWithin, phaseWhole, phaseReplaced, phaseDone}

const (
	leastKills = 20   // in each phase
	mostKills  = 3000 // to have them
)

// killsWanted is how often a child is killed, at least.
func killsWanted(t testing.TB) int {
	t.Helper()
	n := 300
	if s := os.Getenv("LEIOCI_TEST_KILLS"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		must(t, err)
	}
	return n
}

// A crashWorld is a registry with two snapshots, and a directory that holds the older one.
type crashWorld struct {
	t        testing.TB
	registry http.Handler
	client   *leioci.Client // at a link that is not slow
	host     string
	old, new map[string]string // the files of the two
	large    v1.Descriptor     // the new one's cache
	small    int64             // the size of its manifest.json
	parent   string
	dir      string

	whole, tail time.Duration // of a pull from the first request on, and from the last byte on
}

func newCrashWorld(t testing.TB) *crashWorld {
	t.Helper()
	reg := leiocitest.NewRegistry(t)
	w := &crashWorld{t: t, registry: reg, client: newClient(t), host: reg.Host(), parent: t.TempDir()}
	w.dir = filepath.Join(w.parent, "lei")
	w.old, _ = w.push(leiocitest.WriteSnapshot(t, older, report))
	var layers []v1.Descriptor
	w.new, layers = w.push(leiocitest.WriteSnapshot(t, newer, `{"data":{"repo":"https://example.org/a","noise":"`+noise(1<<20)+`"}}`))
	for _, d := range layers {
		if d.MediaType == leioci.MediaTypeCache {
			w.large = d
		} else {
			w.small = d.Size
		}
	}
	return w
}

// push pushes a snapshot and returns the files of a directory that holds it: those of dir, and the manifest as it was sent.
func (w *crashWorld) push(dir string) (map[string]string, []v1.Descriptor) {
	w.t.Helper()
	img, err := leioci.Package(w.t.Context(), dir)
	must(w.t, err)
	repo, err := leioci.ParseRepository(w.host + "/org/lei-cache")
	must(w.t, err)
	_, err = w.client.PushSnapshot(w.t.Context(), repo, []string{"latest"}, img)
	must(w.t, err)
	raw, err := img.RawManifest()
	must(w.t, err)
	m, err := img.Manifest()
	must(w.t, err)
	files := filesOf(w.t, dir)
	files["oci-manifest.json"] = string(raw)
	return files, m.Layers
}

// filesOf returns what is in a directory, by name.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range namesIn(t, dir) {
		files[name] = string(readFile(t, dir, name))
	}
	return files
}

// namesIn returns the names in a directory, sorted.
func namesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// reset puts the older snapshot into the directory.
func (w *crashWorld) reset() {
	w.t.Helper()
	must(w.t, errors.Join(os.RemoveAll(w.dir), os.Mkdir(w.dir, 0o755)))
	for name, content := range w.old {
		must(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o644))
	}
}

// crash starts a pull and kills it at a moment. It returns the registry as it was left.
func (w *crashWorld) crash(at moment) *slowly {
	w.t.Helper()
	s := newSlowly(w.registry, w.large.Digest.String(), at)
	defer s.Close()
	r := child{Ref: strings.TrimPrefix(s.URL, "http://") + "/org/lei-cache:latest", Dir: w.dir}.start(w.t)
	s.await(w.t, r)
	r.kill(w.t)
	return s
}

// measure lets a few pulls come to their end, to know how long the phases are.
func (w *crashWorld) measure() {
	w.t.Helper()
	for range 3 {
		w.reset()
		s := newSlowly(w.registry, w.large.Digest.String(), moment{})
		r := child{Ref: strings.TrimPrefix(s.URL, "http://") + "/org/lei-cache:latest", Dir: w.dir}.start(w.t)
		must(w.t, <-r.pulled)
		now := time.Now()
		w.whole, w.tail = max(w.whole, now.Sub(s.first)), max(w.tail, now.Sub(s.last))
		r.kill(w.t)
		s.Close()
		w.assertNew("a pull that was not disturbed")
	}
}

// phase tells how far a killed pull had come, from what it asked for and what it left.
func (w *crashWorld) phase(s *slowly) string {
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

// left returns what is in the staging directory beside the target, nil if there is none, and how much of the large blob is there.
func (w *crashWorld) left() (staged []string, partial int64) {
	w.t.Helper()
	for _, name := range namesIn(w.t, w.parent) {
		path := filepath.Join(w.parent, name)
		switch {
		case strings.HasPrefix(name, ".leioci-staging-"):
			staged = append(namesIn(w.t, path), "")
		case strings.HasPrefix(name, ".leioci-partial-") && strings.HasSuffix(name, w.large.Digest.Hex):
			partial = inode(w.t, path).Size()
		}
	}
	return staged, partial
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
		return moment{requests: 1 + rand.IntN(3), later: rand.N(answerPause)}
	case phaseStaged:
		return moment{requests: 4 + rand.IntN(2), later: rand.N(answerPause)}
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
		phase := w.phase(w.crash(at))
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
		w.crash(moment{served: w.large.Size / 20, later: rand.N(answerPause)})
		_, partial := w.left()
		if partial < had || i > 0 && partial == 0 {
			t.Errorf("of the blob were %d bytes there, and now %d", had, partial)
		}
		if beside := namesIn(t, w.parent); len(beside) > 4 { // the directory, a new one, and a partial for each blob
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

// assertOneOfTheTwo fails unless the directory is all of the old snapshot or all of the new one.
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

// assertRecovers fails unless the next pull leaves the new snapshot and nothing else, and fetches only what is missing.
func (w *crashWorld) assertRecovers(when string) {
	w.t.Helper()
	_, partial := w.left()
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

// assertNew fails unless the directory holds the new snapshot, and nothing is beside it.
func (w *crashWorld) assertNew(when string) {
	w.t.Helper()
	if !maps.Equal(filesOf(w.t, w.dir), w.new) {
		w.t.Errorf("%s: the directory does not hold the new snapshot", when)
	}
	if beside := namesIn(w.t, w.parent); !slices.Equal(beside, []string{"lei"}) {
		w.t.Errorf("%s: beside the directory are %q", when, beside)
	}
}
