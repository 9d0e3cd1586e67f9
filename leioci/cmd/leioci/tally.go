package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
)

// A tally is how far a transfer has got. It is safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	blobs []*blobTally // in the order in which they were first heard of
	byID  map[int]*blobTally
}

type blobTally struct {
	leioci.Event
	meter meter
}

func newTally() *tally { return &tally{byID: map[int]*blobTally{}} }

// note takes an event.
func (t *tally) note(e leioci.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.byID[e.Blob]
	if b == nil {
		b = &blobTally{}
		t.byID[e.Blob] = b
		t.blobs = append(t.blobs, b)
	}
	b.Event = e
	b.meter.note(max(0, e.Done-e.Resumed), time.Now())
}

// count returns how many blobs were heard of.
func (t *tally) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.blobs)
}

// blob returns the last event of a blob by its position, and what to say of it beside its name.
func (t *tally) blob(i int) (e leioci.Event, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.blobs[i]
	return b.Event, b.text(time.Now())
}

func (b *blobTally) text(now time.Time) string {
	if !moves(b.Phase) {
		return b.Phase.String()
	}
	return amounts(b.Done, b.Total, b.meter.rate(now))
}

// line sums up all blobs. It is empty if there is nothing to say.
func (t *tally) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var main *blobTally // what takes longest
	var done, total int64
	var rate float64
	now := time.Now()
	for _, b := range t.blobs {
		if b.Phase.Final() {
			done, total = done+b.Done, total+b.Total
			continue
		}
		if main == nil || moves(b.Phase) && b.Total-b.Done > main.Total-main.Done {
			main = b
		}
		if moves(b.Phase) {
			done, total, rate = done+b.Done, total+b.Total, rate+b.meter.rate(now)
		}
	}
	switch {
	case main == nil:
		return ""
	case !moves(main.Phase):
		return fmt.Sprintf("%s %s, %s", main.Phase, shortened(main.Name), bytesText(max(0, main.Total)))
	}
	return fmt.Sprintf("%s: %s", main.Phase, amounts(done, total, rate))
}

// moves reports whether bytes are counted in a phase.
func moves(p leioci.Phase) bool { return p == leioci.PhaseFetching || p == leioci.PhaseUploading }

// amounts says how much of something is there, and what that means, as far as it is known.
func amounts(done, total int64, rate float64) string {
	var parts []string
	done = max(0, done)
	if total > 0 {
		parts = append(parts, fmt.Sprintf("%d%%", percent(done, total)), bytesText(done)+" of "+bytesText(total))
	} else {
		parts = append(parts, bytesText(done))
	}
	if rate >= 1 {
		parts = append(parts, bytesText(int64(min(rate, 1<<62)))+"/s")
		if left := timeText(float64(total-done) / rate); left != "" && total > done {
			parts = append(parts, left+" left")
		}
	}
	return strings.Join(parts, ", ")
}

// percent is 100 only for what is complete.
func percent(done, total int64) int {
	return int(min(1, float64(done)/float64(total)) * 100)
}

// timeText writes a number of seconds as a person would say it, or nothing if it is beyond days.
func timeText(seconds float64) string {
	const most = 100 * time.Hour
	if seconds < 0 || seconds > most.Seconds() {
		return ""
	}
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	if d >= time.Hour {
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return max(d, time.Second).String()
}
