package stall

import (
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// progress tells how much of a request's body was sent.
type progress struct {
	size  int64 // of the body; negative if it is not known before the body ends
	mu    sync.Mutex
	count func() int64 // nil if there is no body
	ended func() bool
	waits func() bool // for its own source; nil if it does not say
}

// track returns req with its body under watch, and also every body that net/http may send instead
// of it.
func (p *progress) track(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	if p.size = req.ContentLength; p.size == 0 {
		p.size = -1 // as net/http reads it, if there is a body
	}
	req.Body = p.watch(req.Body)
	if getBody := req.GetBody; getBody != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := getBody()
			if err != nil {
				return nil, err
			}
			return p.watch(body), nil
		}
	}
	return req
}

// watch returns a body whose progress can be read. On Linux it returns a file unchanged, because
// the kernel sends a file without copying it through this process only if net/http sees an
// *os.File; the file's offset tells how much was sent. Other systems move the offset only after
// everything is sent, and Windows allows nobody to read it before (internal/poll, SendFile).
func (p *progress) watch(body io.ReadCloser) io.ReadCloser {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := body.(*os.File); ok && runtime.GOOS == "linux" {
		p.count = func() int64 { return offset(f) }
		p.ended = func() bool { return offset(f) == math.MaxInt64 }
		p.waits = nil
		return f
	}
	c := &counter{ReadCloser: body}
	p.count, p.ended, p.waits = c.n.Load, c.ended.Load, nil
	if w, ok := body.(interface{ Waiting() bool }); ok {
		p.waits = w.Waiting
	}
	return c
}

// offset returns the offset of the next read from f. If f is closed, which net/http does after the
// last byte, offset returns more than any size.
func offset(f *os.File) int64 {
	n, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

func (p *progress) bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == nil {
		return 0
	}
	return p.count()
}

// sent reports whether nothing is left to be sent.
func (p *progress) sent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count == nil || p.size >= 0 && p.count() >= p.size || p.ended()
}

// waiting reports whether the body waits for what it is read from, which has its own limits for that
// and says so with a method Waiting.
func (p *progress) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits != nil && p.waits()
}

// counter counts the bytes read from a body.
type counter struct {
	io.ReadCloser
	n     atomic.Int64
	ended atomic.Bool // at its end, or closed
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n.Add(int64(n))
	if err != nil {
		c.ended.Store(true)
	}
	return n, err
}

func (c *counter) Close() error {
	c.ended.Store(true)
	return c.ReadCloser.Close()
}
