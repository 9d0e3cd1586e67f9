package main

import (
	"errors"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars show a tally on a terminal, a line for each blob. They neither hide the cursor nor change the
// terminal: whatever ends the process leaves it usable.
type bars struct {
	terminal  *os.File
	container *mpb.Progress
	each      []*mpb.Bar // by the positions of the blobs; nil for one that is no longer shown
	shown     int        // bars
	dropped   int        // that many of the first blobs are no longer shown
}

// mostBars is how many bars there may be, except for blobs that are not done.
const mostBars = 10

func newBars(terminal *os.File) *bars {
	return &bars{terminal: terminal, container: mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(drawEvery))}
}

func (b *bars) draw(t *tally) {
	for len(b.each) < t.count() {
		bar, err := b.add(t, len(b.each))
		if err != nil { // the terminal has gone
			return
		}
		b.each = append(b.each, bar)
		b.shown++
		b.drop(t)
	}
	for i, bar := range b.each {
		if bar == nil {
			continue
		}
		e, _ := t.blob(i)
		bar.SetTotal(max(0, e.Total), false)
		bar.SetCurrent(min(max(0, e.Done), max(0, e.Total)))
		bar.SetRefill(e.Resumed)
	}
}

// drop takes away bars of blobs that are done, those of the first blobs first, while there are too
// many.
func (b *bars) drop(t *tally) {
	for i := b.dropped; i < len(b.each) && b.shown > mostBars; i++ {
		if e, _ := t.blob(i); b.each[i] != nil && e.Phase.Final() {
			b.each[i].Abort(true)
			b.each[i] = nil
			b.shown--
		}
	}
	for b.dropped < len(b.each) && b.each[b.dropped] == nil {
		b.dropped++
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
		if bar != nil {
			bar.Abort(true)
		}
	}
	b.container.Wait()
}
