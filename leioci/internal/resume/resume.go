// Package resume reads content over a connection that may break: it continues where it stopped, on
// a new connection.
//
// A storage, or a proxy in front of it, need not serve ranges (RFC 9110, section 14.2). Some refuse
// them, with whatever status, or serve them wrongly. Then the whole is requested, and the beginning
// that the caller has is skipped.
//
// go-containerregistry retries requests, but not bodies:
// https://github.com/google/go-containerregistry/issues/1500.
package resume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// SizeUnknown is the size of content whose length is not known before it is requested.
const SizeUnknown = verify.SizeUnknown

// Content says how to fetch what a [Reader] reads.
type Content struct {
	// Fetch requests the content and returns a response of status 200 or 206, or an error.
	// byteRange is the value of the Range header, or empty for the whole content. Fetch is called
	// again for each try, and so gets a fresh token and a fresh signed URL. If it may ask somebody
	// else, it can [Check] the response before.
	Fetch func(ctx context.Context, byteRange string) (*http.Response, error)
	// Size is the content's length in bytes, or SizeUnknown.
	Size int64
	// Offset is where to start: the caller already has the bytes before it.
	Offset int64
	// Notify is called with the reason before each new try.
	Notify retry.Notify
}

// Reader reads content from its offset to its end. It gives up after as many tries as the policy
// allows. Every byte received starts the count again, with the try that brought it as the first. A
// range that is refused, or for which the tries are used up, costs one request for the whole.
//
// Size is set to the content's length once the registry has sent it.
//
// Reader does not verify the content, which may come from several responses: only the digest of the
// whole can.
type Reader struct {
	Content
	ctx    context.Context // ends when the reader is closed
	cancel context.CancelFunc
	run    *retry.Run
	mu     sync.Mutex    // guards body: Close closes it while Read may be replacing it
	body   io.ReadCloser // only Read assigns it, so only Read may use it without mu
	pos    int64         // the offset of the next byte to read
	cause  error         // why body broke off; nil while it can be read
	failed error         // what the reader gave up with

	skipped int64 // bytes that came and were there already
	resumed bool
	ranged  bool // the last request was for a range, and has brought nothing
	whole   bool // the next request is for the whole, as the last range was not served
}

// Open requests the content, unless the caller already has all of it, and returns once there is a
// response. Reading ends with ctx.
func Open(ctx context.Context, policy retry.Policy, c Content) (*Reader, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Reader{Content: c, ctx: ctx, cancel: cancel, run: policy.Run(c.Notify), pos: c.Offset}
	if r.pos > 0 && r.pos == r.Size {
		r.body, r.resumed = http.NoBody, true // a Range header cannot ask for zero bytes
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
	if r.cause != nil && r.failed == nil {
		r.failed = r.reconnect()
	}
	if r.failed != nil {
		return 0, r.failed
	}
	n, err := r.body.Read(p)
	if n > 0 {
		r.pos += int64(n)
		r.ranged, r.whole = false, false
		r.run.Progress()
	}
	switch {
	case err == nil:
		return n, nil
	case r.pos == r.Size, errors.Is(err, io.EOF) && r.pos >= r.Size:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = retry.Retryable(io.ErrUnexpectedEOF)
	}
	r.cause = err
	return n, nil // the next call reconnects
}

// Resumed reports whether the content came from more than one response, or started at an offset.
func (r *Reader) Resumed() bool { return r.resumed }

// Skipped returns how many bytes came that were there already, from servers without ranges.
func (r *Reader) Skipped() int64 { return r.skipped }

// Close ends the reading. A concurrent Read, even one that waits to reconnect, sends no more
// requests.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.cancel()
	return r.body.Close()
}

// reconnect waits, and continues where the content broke off.
func (r *Reader) reconnect() error {
	_ = r.body.Close() // its error adds nothing to r.cause
	if err := r.again(r.cause); err != nil {
		return fmt.Errorf("after %d bytes: %w", r.pos, err)
	}
	r.cause = nil
	return r.connect()
}

// connect sends requests until it gets a response that Read can continue with.
func (r *Reader) connect() error {
	for {
		err := r.request(r.run.Context(r.ctx))
		if err == nil {
			return nil
		}
		if err := r.again(err); err != nil {
			return err
		}
	}
}

// again returns nil once there may be another request after one that failed with err. After a range
// that was refused there is one for the whole, at once; and so there is when the tries for it are
// used up. If there must be none, again returns the error to give up with.
func (r *Reader) again(err error) error {
	if r.ranged && r.ctx.Err() == nil && !retry.IsRetryable(err) && isRefusal(err) {
		return r.requestWhole(err)
	}
	giveUp := r.run.Wait(r.ctx, err)
	_, limited := errdef.NoteOf[retry.Limited](giveUp)
	if giveUp != nil && r.ranged && r.ctx.Err() == nil && retry.IsRetryable(err) && !limited {
		return r.requestWhole(err)
	}
	return giveUp
}

func (r *Reader) requestWhole(cause error) error {
	r.whole = true
	r.Notify(cause, 0)
	return nil
}

// isRefusal reports whether err is a response, or what came of one: it may also be a redirect that
// leads in circles, nowhere, or to where the client must not go.
func isRefusal(err error) bool {
	var response *transport.Error
	var request *url.Error
	return errors.As(err, &response) || errors.As(err, &request) || Mismatched(err)
}

func (r *Reader) request(ctx context.Context) error {
	r.resumed = r.resumed || r.pos > 0
	byteRange := ""
	if r.pos > 0 && r.Size != SizeUnknown && !r.whole {
		byteRange = fmt.Sprintf("bytes=%d-%d", r.pos, r.Size-1)
	}
	r.ranged = byteRange != ""
	resp, err := r.Fetch(ctx, byteRange)
	if err != nil {
		return r.unlessBeyond(err)
	}
	if err := r.accept(resp, byteRange); err != nil {
		_ = resp.Body.Close() // its content is not used
		return err
	}
	return r.replace(resp.Body)
}

// unlessBeyond returns err, or what it means if the range is not there.
func (r *Reader) unlessBeyond(err error) error {
	var response *transport.Error
	if !errors.As(err, &response) || response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		return err
	}
	err = fmt.Errorf("%w: registry has no bytes %d to %d: %w", errdef.ErrVerification, r.pos, r.Size-1, err)
	return errdef.WithNote(err, mismatched{})
}

// replace makes body the one to read from. If the reader was closed in the meantime, replace closes
// body too, and fails.
func (r *Reader) replace(body io.ReadCloser) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body = body
	if r.ctx.Err() != nil {
		_ = body.Close() // Close has closed only the previous one
		return context.Cause(r.ctx)
	}
	return nil
}

// accept prepares a response for reading from pos. If the response is not limited to the requested
// range, accept skips the bytes before pos.
func (r *Reader) accept(resp *http.Response, byteRange string) error {
	if err := Check(resp, byteRange, r.Size); err != nil || resp.StatusCode == http.StatusPartialContent {
		return err
	}
	r.ranged = false
	if r.Size == SizeUnknown {
		r.Size = resp.ContentLength // -1, which is SizeUnknown, if the response does not say
	}
	if r.pos == 0 {
		return nil
	}
	skipped, err := io.CopyN(io.Discard, resp.Body, r.pos)
	r.skipped += skipped
	if errors.Is(err, io.EOF) {
		err = retry.Retryable(io.ErrUnexpectedEOF)
	}
	return err
}
