package resume_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

func TestAReaderMayBeClosedWhileItReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []*closable
		again := make(chan struct{}, 2)
		fetch := func(ctx context.Context, _ string) (*http.Response, error) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			b := &closable{waits: len(bodies) > 0, gone: make(chan struct{})}
			bodies = append(bodies, b)
			if len(bodies) > 1 {
				again <- struct{}{}
			}
			return &http.Response{StatusCode: http.StatusOK, ContentLength: 1, Body: b}, nil
		}
		r, err := resume.Open(t.Context(), retry.Policy{Attempts: 3}, resume.Content{Fetch: fetch, Size: 1, Notify: func(error, time.Duration) {}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, r)
		}()
		<-again
		_ = r.Close()
		<-done
		for i, b := range bodies {
			if !b.closed {
				t.Errorf("body %d of %d is open", i+1, len(bodies))
			}
		}
	})
}

// closable is a body that breaks off at once, or, with waits, when it is closed.
type closable struct {
	waits  bool
	gone   chan struct{}
	mu     sync.Mutex
	closed bool
}

func (c *closable) Read([]byte) (int, error) {
	if c.waits {
		<-c.gone
	}
	return 0, retry.Retryable(io.ErrUnexpectedEOF)
}

func (c *closable) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		close(c.gone)
	}
	c.closed = true
	return nil
}
