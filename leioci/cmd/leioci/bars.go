package main

import (
	"errors"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// mostBars is how many lines are shown at once. A copy may have thousands of blobs.
const mostBars = 12

// bars show a tally on a terminal, a line for each blob, and of many blobs for those that something
// is done with. They neither hide the cursor nor change the terminal: whatever ends the process
// leaves it usable.
type bars struct {
	terminal  *os.File
	container *mpb.Progress
	each      map[int]*mpb.Bar // by the position of the blob
}

func newBars(terminal *os.File) *bars {
	container := mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(drawEvery))
	return &bars{terminal: terminal, container: container, each: map[int]*mpb.Bar{}}
}

func (b *bars) draw(t *tally) {
	most := b.most()
	b.makeRoom(t, t.count()-most)
	for i := range t.count() {
		e, _ := t.blob(i)
		bar := b.each[i]
		if bar == nil && len(b.each) < most && (t.count() <= most || !e.Phase.Final()) {
			var err error
			if bar, err = b.add(t, i); err != nil { // the terminal has gone
				return
			}
			b.each[i] = bar
		}
		if bar != nil {
			bar.SetTotal(max(0, e.Total), false)
			bar.SetCurrent(min(max(0, e.Done), max(0, e.Total)))
			bar.SetRefill(e.Resumed)
		}
	}
}

// most returns how many bars the terminal has room for. If they filled it, each time that they are
// drawn would move a line out of it that nobody can erase.
func (b *bars) most() int {
	_, height, err := cwriter.GetSize(int(b.terminal.Fd()))
	if err != nil { // the terminal has gone
		return mostBars
	}
	return max(1, min(mostBars, height-1))
}

// makeRoom removes the bars of up to n blobs that nothing remains to be done with.
func (b *bars) makeRoom(t *tally, n int) {
	var removed []*mpb.Bar
	for i, bar := range b.each {
		if e, _ := t.blob(i); len(removed) < n && e.Phase.Final() {
			bar.Abort(true)
			delete(b.each, i)
			removed = append(removed, bar)
		}
	}
	for _, bar := range removed {
		bar.Wait() // until it was drawn for the last time
	}
}

// add adds the bar of a blob. Bars without a total do not end by themselves: content that has come
// may turn out to be wrong.
func (b *bars) add(t *tally, i int) (*mpb.Bar, error) {
	return b.container.Add(0, mpb.BarStyle().Build(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			e, _ := t.blob(i)
			return barName(e.Name)
		}, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			_, text := t.blob(i)
			return text
		}, decor.WCSyncSpaceR)))
}

// barName leaves room for the rest of the line.
func barName(name string) string {
	const most = 24
	runes := []rune(shortened(name))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// Write prints lines above the bars.
func (b *bars) Write(p []byte) (int, error) {
	n, err := b.container.Write(p)
	if errors.Is(err, mpb.ErrDone) { // the terminal has gone
		return b.terminal.Write(p)
	}
	return n, err
}

func (b *bars) end() {
	for _, bar := range b.each {
		bar.Abort(true)
	}
	b.container.Wait()
}
