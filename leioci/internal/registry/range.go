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

// divideRest divides what is left up to the next piece, if that pays and is possible: the stream,
// which has this rate, goes on with the first part, and the others are fetched besides.
func (r *remainder) divideRest(rate float64) {
	count := rangesFor(rate, r.end()-r.pos)
	all := &r.source.client.ranges
	if count == 0 || r.part == nil || !r.stream.divisible || slices.ContainsFunc(r.ahead, (*piece).isRange) || all.rests(r.from) {
		return
	}
	count = all.take(count)
	length := (r.end() - r.pos) / int64(count+1)
	var ranges []*piece
	for begin := r.pos + length; len(ranges) < count; begin += length {
		p, err := r.newRange(begin, length)
		if err != nil {
			all.giveBack(count - len(ranges))
			break // there is another such file, or no room for it; the stream needs none
		}
		ranges = append(ranges, p)
	}
	if len(ranges) == 0 {
		return
	}
	ranges[len(ranges)-1].end = r.end()
	r.ahead = slices.Concat(ranges, r.ahead)
	r.split = &split{open: true, rate: rate, before: r.ranged.Load(), begun: time.Now(), begin: r.pos}
	for _, p := range ranges {
		var ctx context.Context
		ctx, p.cancel = context.WithCancel(r.ctx)
		go r.fetch(ctx, p, r.from, r.split)
	}
}

// newRange returns an empty piece for a range that nobody fetches yet.
func (r *remainder) newRange(begin, length int64) (*piece, error) {
	file, err := r.part.Beside(begin)
	if err != nil {
		return nil, err
	}
	if file.Size() > 0 {
		_ = file.Close() // it may be used next time
		return nil, fmt.Errorf("there is something from %d on", begin)
	}
	return &piece{
		begin: begin, end: begin + length, file: file, came: &r.ranged,
		more: make(chan struct{}, 1), done: make(chan struct{}),
	}, nil
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
		if wantsLess(err) {
			r.limited.Store(true)
		}
	}
}

func (r *remainder) fetchRange(ctx context.Context, p *piece, from name.Repository) error {
	client := r.source.client
	var resp *http.Response
	err := client.inSession(ctx, sessionKey{from, r.source.scope}, func(ctx context.Context, session *session) (err error) {
		bytes := fmt.Sprintf("bytes=%d-%d", p.begin, p.end-1)
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
	_, err = io.CopyN(p, resp.Body, p.end-p.begin)
	return err
}
