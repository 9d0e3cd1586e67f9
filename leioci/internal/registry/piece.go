package registry

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// A piece is some of a blob that comes, or came, before what precedes it.
type piece struct {
	begin int64
	file  Piece        // nil until it is opened
	n     atomic.Int64 // how many bytes are in it

	// Of a range that is fetched; else there is nothing more to come.
	end    int64
	served atomic.Bool   // there is a response
	came   *atomic.Int64 // counts what comes, with that of other ranges
	failed bool          // it could not be written; to be read only when it is done
	cancel context.CancelFunc
	more   chan struct{} // something came
	done   chan struct{} // closed once nothing more will come
}

// open opens a piece that an earlier download left.
func (p *piece) open(part Divisible, size int64) error {
	if p.file != nil {
		return nil
	}
	file, err := part.Beside(p.begin)
	if err != nil {
		return err
	}
	p.file = file
	p.n.Store(min(file.Size(), size-p.begin))
	return nil
}

// isRange reports whether the piece is of this download.
func (p *piece) isRange() bool { return p.done != nil }

// isLive reports whether more may come.
func (p *piece) isLive() bool {
	select {
	case <-p.done:
		return false
	default:
		return p.isRange()
	}
}

// Write appends what came.
func (p *piece) Write(b []byte) (int, error) {
	p.came.Add(int64(len(b)))
	n, err := p.file.Write(b)
	p.n.Add(int64(n))
	p.failed = err != nil
	select {
	case p.more <- struct{}{}:
	default: // nobody has noticed the last one yet
	}
	return n, err
}

// stop ends what fetches pieces, and waits for that.
func stop(pieces ...*piece) {
	for _, p := range pieces {
		if p.isRange() {
			p.cancel()
		}
	}
	for _, p := range pieces {
		if p.isRange() {
			<-p.done
		}
	}
}

// readPiece reads from the first piece. If that has nothing for it, or has no more, it is removed,
// and nothing is read.
func (r *remainder) readPiece(b []byte) (int, error) {
	p := r.ahead[0]
	if p.open(r.part, r.d.Size) != nil || r.stream != nil && !r.leaveStream(p) {
		r.remove(p)
		return 0, nil //nolint:nilerr // what cannot be opened is fetched again
	}
	at := r.pos - p.begin
	for {
		live := p.isLive() // before what it has got
		if has := p.n.Load(); has > at {
			if n, _ := p.file.ReadAt(b[:min(int64(len(b)), has-at)], at); n > 0 {
				r.pos += int64(n)
				r.pieces = true
				return n, nil
			}
			live = false // what the disk has lost is fetched again
		}
		if !live || r.split.lags(p) {
			r.remove(p)
			return 0, nil
		}
		if err := p.await(r.ctx); err != nil {
			return 0, err
		}
	}
}

// await waits until something has come, or for long enough to have another look.
func (p *piece) await(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.more:
	case <-p.done:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// leaveStream ends the stream, if the piece has enough to go on with, and reports whether it does.
// Ranges for which there is no response by now are given up, so that none is refused once there is
// no stream.
func (r *remainder) leaveStream(p *piece) bool {
	ready := func() bool {
		has := p.n.Load() - (r.pos - p.begin)
		return has >= worthwhile || has > 0 && p.isLive() && p.served.Load()
	}
	if !ready() {
		return false
	}
	r.abandon(func(p *piece) bool { return p.isLive() && !p.served.Load() })
	r.heed()
	if !slices.Contains(r.ahead, p) || !ready() {
		return false
	}
	r.split.passed(r.pos)
	_ = r.closeStream() // before its end; what it brought is there
	return true
}

// heed gives up what must be given up: the ranges, if a registry wants less traffic and there is a
// stream to go on with; and all pieces, if one cannot be written.
func (r *remainder) heed() {
	if r.limited.Load() && r.stream != nil {
		r.limited.Store(false)
		r.abandon((*piece).isRange)
	}
	if r.failed.Load() {
		r.giveUpPieces()
	}
}

// abandon gives up ranges, but not what their pieces had before.
func (r *remainder) abandon(which func(*piece) bool) {
	ranges := slices.DeleteFunc(slices.Clone(r.ahead), func(p *piece) bool { return !which(p) })
	stop(ranges...)
	r.remove(slices.DeleteFunc(slices.Clone(ranges), func(p *piece) bool { return p.file.Size() > 0 })...)
	for _, p := range ranges {
		p.done = nil
	}
	r.judge()
}

// giveUpPieces removes all pieces, lets there be no more, and reports whether there were any.
func (r *remainder) giveUpPieces() bool {
	had := len(r.ahead) > 0
	r.remove(slices.Clone(r.ahead)...)
	r.part = nil
	return had
}

// remove removes pieces. A file that cannot be removed is left for a sweep.
func (r *remainder) remove(pieces ...*piece) {
	stop(pieces...)
	for _, p := range pieces {
		if p.file != nil {
			_ = p.file.Remove()
		}
	}
	r.ahead = slices.DeleteFunc(r.ahead, func(p *piece) bool { return slices.Contains(pieces, p) })
	r.judge()
}

// judge ends a split whose ranges are no more. If it did not help, there is none for a while.
func (r *remainder) judge() {
	if !r.split.open || slices.ContainsFunc(r.ahead, (*piece).isRange) {
		return
	}
	r.split.open = false
	if !r.split.helped(r.ranged.Load()) {
		r.rest()
	}
}
