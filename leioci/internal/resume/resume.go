// Package resume reads content over a connection that may break: it goes on where it stopped, on a new connection.
//
// go-containerregistry retries requests, but not bodies: https://github.com/google/go-containerregistry/issues/1500.
package resume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// SizeUnknown is the size of content whose length is not known before it is asked for.
const SizeUnknown = verify.SizeUnknown

// Content says how to get what a [Reader] reads.
type Content struct {
	// Fetch asks for the content and returns an answer of status 200 or 206, or an error. bytes is the value of the Range
	// header, or empty for the whole. It is called anew for each try, and so gets a fresh token and a fresh signed URL.
	Fetch func(ctx context.Context, bytes string) (*http.Response, error)
	// Size is the content's length in bytes, or SizeUnknown.
	Size int64
	// Offset is where to begin: what comes before is there already.
	Offset int64
	// Notify is told why before each new try.
	Notify retry.Notify
}

// Reader reads content from its offset to its end. It stops after as many tries as the policy allows; every byte that
// comes starts the count anew, with the try that brought it as the first.
//
// Size is the content's length as soon as the registry has said it.
//
// It does not verify: what it returns may come from several answers, and only the digest of the whole tells.
type Reader struct {
	Content
	ctx    context.Context // ends when the reader is closed
	cancel context.CancelFunc
	run    *retry.Run
	mu     sync.Mutex    // for body, which is closed by whoever closes the reader and replaced by whoever reads
	body   io.ReadCloser // written by the one who reads, so that he alone may look at it without mu
	at     int64
	broken error

	resumed bool
}

// Open asks for the content, unless all of it is there already, and returns once there is an answer. Reading ends with ctx.
func Open(ctx context.Context, policy retry.Policy, c Content) (*Reader, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Reader{Content: c, ctx: ctx, cancel: cancel, run: policy.Run(c.Notify), at: c.Offset}
	if r.at > 0 && r.at == r.Size {
		r.body, r.resumed = http.NoBody, true // no range stands for nothing
		return r, nil
	}
	if err := r.connect(); err != nil {
		cancel()
		return nil, err
	}
	return r, nil
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if r.broken != nil {
		if err := r.reconnect(); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p)
	if n > 0 {
		r.at += int64(n)
		r.run.Progress()
	}
	switch {
	case err == nil:
		return n, nil
	case r.at == r.Size, errors.Is(err, io.EOF) && r.at >= r.Size:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = retry.Passing(io.ErrUnexpectedEOF)
	}
	r.broken = err
	return n, nil // the rest comes with the next call
}

// Resumed reports whether what was read came from more than one answer, or began at an offset.
func (r *Reader) Resumed() bool { return r.resumed }

// Close ends the reading: whoever reads on, or is waiting to, asks for nothing more.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.cancel()
	return r.body.Close()
}

// reconnect waits, and goes on where the content broke off.
func (r *Reader) reconnect() error {
	_ = r.body.Close() // it is broken, and says so
	if err := r.run.Wait(r.ctx, r.broken); err != nil {
		return fmt.Errorf("after %d bytes: %w", r.at, err)
	}
	r.broken = nil
	return r.connect()
}

// connect asks until there is an answer.
func (r *Reader) connect() error {
	for {
		err := r.ask(r.run.Context(r.ctx))
		if err == nil {
			return nil
		}
		if err := r.run.Wait(r.ctx, err); err != nil {
			r.broken = err // whoever reads on is told again
			return err
		}
	}
}

func (r *Reader) ask(ctx context.Context) error {
	r.resumed = r.resumed || r.at > 0
	bytes := ""
	if r.at > 0 && r.Size != SizeUnknown {
		bytes = fmt.Sprintf("bytes=%d-%d", r.at, r.Size-1)
	}
	resp, err := r.Fetch(ctx, bytes)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return fmt.Errorf("%w: the registry has no bytes %d to %d: %w", errdef.ErrVerification, r.at, r.Size-1, err)
	}
	if err != nil {
		return err
	}
	if err := r.accept(resp); err != nil {
		_ = resp.Body.Close() // what it holds is not wanted
		return err
	}
	return r.replace(resp.Body)
}

// replace reads on from another body, unless the reader was closed in the meantime.
func (r *Reader) replace(body io.ReadCloser) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body = body
	if r.ctx.Err() != nil {
		_ = body.Close() // nobody reads it
		return context.Cause(r.ctx)
	}
	return nil
}

// accept brings an answer to where reading goes on. One that is not cut to the range that was asked for is read from its
// beginning, and what is there already is dropped.
func (r *Reader) accept(resp *http.Response) error {
	if resp.StatusCode == http.StatusPartialContent {
		return checkRange(resp.Header.Get("Content-Range"), r.at, r.Size)
	}
	switch {
	case r.Size == SizeUnknown:
		r.Size = resp.ContentLength // unknown, too, where the answer does not say
	case resp.ContentLength >= 0 && resp.ContentLength != r.Size:
		return fmt.Errorf("%w: the registry sends %d bytes, want %d", errdef.ErrVerification, resp.ContentLength, r.Size)
	}
	_, err := io.CopyN(io.Discard, resp.Body, r.at)
	if errors.Is(err, io.EOF) {
		err = retry.Passing(io.ErrUnexpectedEOF)
	}
	return err
}

// checkRange compares a Content-Range (RFC 9110, section 14.4) with what was asked for.
func checkRange(got string, at, size int64) error {
	want := fmt.Sprintf("bytes %d-%d/", at, size-1)
	if at == 0 || got != want+fmt.Sprint(size) && got != want+"*" {
		return fmt.Errorf("%w: asked for %q, the registry sends %q", errdef.ErrVerification, fmt.Sprintf("%s%d", want, size), got)
	}
	return nil
}
