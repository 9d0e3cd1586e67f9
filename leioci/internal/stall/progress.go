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
	mu    sync.Mutex
	count func() int64 // nil where there is no body
}

// track returns req with its body under watch, and every body that net/http may send in its place.
func (p *progress) track(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	req.Body = p.watch(req.Body)
	if again := req.GetBody; again != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return p.watch(body), nil
		}
	}
	return req
}

// watch returns a body that is counted. A file is left as it is, because the kernel sends it without a copy through this
// process only if net/http sees that it is one; how far it was sent is where it is read next. That holds for Linux alone:
// other systems move the offset once all is sent, and Windows lets nobody ask for it before (internal/poll, SendFile).
func (p *progress) watch(body io.ReadCloser) io.ReadCloser {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := body.(*os.File); ok && runtime.GOOS == "linux" {
		p.count = func() int64 { return offset(f) }
		return f
	}
	c := &counter{ReadCloser: body}
	p.count = c.n.Load
	return c
}

// offset returns where f is read next, or more than any size if it is closed, which net/http does after the last byte.
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

// counter counts what is read from a body.
type counter struct {
	io.ReadCloser
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n.Add(int64(n))
	return n, err
}
