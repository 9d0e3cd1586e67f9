package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// divideRest divides what is left, if that pays and is possible: the stream, which has this rate,
// goes on with the first part, and others are fetched besides.
func (r *remainder) divideRest(rate float64) {
	all := &r.source.client.ranges
	if rate >= fast || r.part == nil || slices.ContainsFunc(r.ahead, (*piece).isRange) {
		return
	}
	if r.source.client.config.OneStream || !r.stream.divisible || all.rests(r.from) || r.nearPiece(rate) {
		return
	}
	grow, left := r.growing()
	count := all.take(rangesFor(rate, r.latency, left+r.end()-r.pos))
	ranges := grow[:min(count, len(grow))]
	made := r.newRanges(min(count-len(ranges), rangesFor(rate, r.latency, r.end()-r.pos)))
	all.giveBack(count - len(ranges) - len(made))
	if ranges = slices.Concat(made, ranges); len(ranges) == 0 {
		return
	}
	r.ahead = slices.Concat(made, r.ahead)
	r.split = &split{open: true, rate: rate, before: r.ranged.Load(), begun: time.Now(), begin: r.pos}
	for _, p := range ranges {
		var ctx context.Context
		ctx, p.cancel = context.WithCancel(r.ctx)
		p.served.Store(false)
		p.came, p.more, p.done = &r.ranged, make(chan struct{}, 1), make(chan struct{})
		go r.fetch(ctx, p, r.from, r.split)
	}
}

// nearPiece reports whether the stream gets to a piece before a range could be there, which would be
// given up then, and say nothing of how the registry serves it. There is another stream after it.
func (r *remainder) nearPiece(rate float64) bool {
	return len(r.ahead) > 0 && float64(r.end()-r.pos) <= rate*latencyFactor*r.latency.Seconds()
}

// growing returns the first pieces of an earlier download after which something is missing, and how
// much that is.
func (r *remainder) growing() (pieces []*piece, left int64) {
	for i, p := range r.ahead {
		if len(pieces) == mostRanges || p.open(r.part, r.d.Size) != nil {
			break
		}
		p.end = r.d.Size
		if i+1 < len(r.ahead) {
			p.end = r.ahead[i+1].begin
		}
		if missing := p.end - p.begin - p.n.Load(); missing > 0 {
			pieces, left = append(pieces, p), left+missing
		}
	}
	return pieces, left
}

// newRanges divides what is left for the stream, and returns all parts but the first, which nobody
// fetches yet. There may be fewer than so many.
func (r *remainder) newRanges(count int) []*piece {
	var pieces []*piece
	length := (r.end() - r.pos) / int64(count+1)
	for begin := r.pos + length; len(pieces) < count; begin += length {
		p := &piece{begin: begin, end: begin + length}
		if p.open(r.part, r.d.Size) != nil {
			break // there may be no room for it; the stream needs none
		}
		if p.n.Load() > 0 {
			_ = p.file.Close() // somebody else's, or it would be among those ahead
			break
		}
		pieces = append(pieces, p)
	}
	if len(pieces) > 0 {
		pieces[len(pieces)-1].end = r.end()
	}
	return pieces
}

// fetch fetches a range from a place. It asks once.
func (r *remainder) fetch(ctx context.Context, p *piece, from name.Repository, s *split) {
	all := &r.source.client.ranges
	defer close(p.done) // last: whoever waits for that may go
	defer all.giveBack(1)
	defer p.cancel()
	err := r.fetchRange(ctx, p, from)
	s.ended.Store(int64(time.Since(s.begun)))
	switch {
	case err == nil || ctx.Err() != nil:
	case p.failed:
		r.failed.Store(true)
	default:
		all.rest(from)
		if isLimited(err) {
			r.limited.Store(true)
		}
	}
}

func (r *remainder) fetchRange(ctx context.Context, p *piece, from name.Repository) error {
	client, begin := r.source.client, p.begin+p.n.Load()
	var resp *http.Response
	err := client.inSession(ctx, sessionKey{from, r.source.scope}, func(ctx context.Context, session *session) (err error) {
		bytes := fmt.Sprintf("bytes=%d-%d", begin, p.end-1)
		resp, err = session.getBlob(ctx, r.d, bytes, client.config.MaxBlobBytes) //nolint:bodyclose // closed below
		return err
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return fmt.Errorf("%s in place of a range", resp.Status)
	}
	p.served.Store(true)
	_, err = io.CopyN(p, resp.Body, p.end-begin)
	return err
}
