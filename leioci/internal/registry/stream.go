package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// StreamFrom is the size in bytes from which [Destination.Stream] gains more than the request that
// it takes beyond those of [Destination.Upload].
const StreamFrom = 8 << 20

// Stream sends a blob whose digest is not known yet, while hash computes that (OCI distribution
// specification, "Pushing a blob in chunks", with a single chunk), and returns the digest. It reports
// whether it had to send the blob.
//
// A caller who expects the repository to have the blob had better compute the digest first, and call
// Upload. If the digest is known while much is still to be sent, Stream looks for the blob, and sends
// no more if it is there: a push that failed half-way and is repeated over a slow link does not take
// as long again.
//
// Whatever comes of that, a registry that does not understand it gets the blob by Upload, with the
// digest that is known by then. Neither way does it take content of another digest. An error of hash
// ends everything, as does one of opening the blob.
func (d *Destination) Stream(ctx context.Context, blob v1.Layer, hash func(context.Context) (v1.Hash, error)) (digest v1.Hash, sent bool, err error) {
	size, err := blob.Size()
	if err != nil {
		return v1.Hash{}, false, err
	}
	u := &stream{destination: d, blob: blob, size: size, digest: startHashing(ctx, hash)}
	defer u.digest.stop()
	run := d.client.config.Retry.Run(d.client.logRetry)
	err = d.inSession(run.Context(ctx), u.try)
	if err != nil {
		return u.asWhole(ctx, run, err)
	}
	digest, err = u.digest.wait(ctx)
	return digest, !u.there, err
}

// stream is a blob that is being sent by [Destination.Stream].
type stream struct {
	destination *Destination
	blob        v1.Layer
	size        int64
	digest      *pendingDigest

	opened bool // the registry has opened an upload
	there  bool // the repository has the blob

	mu   sync.Mutex
	body io.ReadCloser // the last one that was opened
}

// try sends the blob once.
func (u *stream) try(ctx context.Context, s *session) error {
	begin, err := u.openSession(ctx, s)
	if err != nil {
		return fmt.Errorf("open an upload: %w", err)
	}
	u.opened = true
	to, err := u.send(ctx, s, begin)
	if err != nil {
		return fmt.Errorf("send it: %w", err)
	}
	if u.there {
		u.destination.Abandon(ctx, &Opening{to: begin})
		return nil
	}
	digest, err := u.digest.wait(ctx)
	if err != nil {
		return err
	}
	if err := s.finish(ctx, to, digest, u.size); err != nil {
		return fmt.Errorf("finish the upload: %w", err)
	}
	return nil
}

// asWhole sends the blob by Upload, after a try that failed with err.
func (u *stream) asWhole(ctx context.Context, run *retry.Run, err error) (digest v1.Hash, sent bool, _ error) {
	d := u.destination
	if ctx.Err() != nil || !u.opened && !retry.IsRetryable(err) {
		return v1.Hash{}, false, err
	}
	digest, hashErr := u.digest.wait(ctx)
	if hashErr != nil {
		return v1.Hash{}, false, hashErr
	}
	if openErr := u.tryOpening(); openErr != nil { // it may have changed since it was hashed
		return v1.Hash{}, false, openErr
	}
	if retry.IsRetryable(err) {
		if err := run.Wait(ctx, err); err != nil {
			return v1.Hash{}, false, err
		}
	}
	d.client.config.Log.Infof("%s: sending blob %s once more, in one request: %v", d.repo, digest, Redact(hide(d.client.sent, err)))
	sent, err = d.Restore(ctx, u.blob, digest)
	return digest, sent, err
}

func (u *stream) tryOpening() error {
	rc, err := openContent(u.blob, u.size)
	if err != nil {
		return err
	}
	return rc.Close()
}

// openSession starts an upload session.
func (u *stream) openSession(ctx context.Context, s *session) (*url.URL, error) {
	resp, err := s.do(ctx, request{
		method: http.MethodPost, url: s.url("blobs/uploads/"),
		statuses: successes(),
	})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return u.destination.uploadAt(resp)
}

// send sends the content to an upload session, and returns where that is to be finished. What the
// response says about the range that it has is not looked at: the digest tells.
func (u *stream) send(ctx context.Context, s *session, to *url.URL) (*url.URL, error) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { u.watch(ctx, s, cancel) })
	resp, err := s.do(ctx, request{
		method: http.MethodPatch, url: sessionURL(to).String(), header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: u.open, size: u.size,
		statuses: successes(),
	})
	cancel() // nothing in the response's body is needed
	watching.Wait()
	if err != nil {
		if u.there {
			return nil, nil
		}
		return nil, err
	}
	defer resp.Body.Close()
	return u.destination.uploadAt(resp)
}

// watch ends the sending, by cancel, if the content turns out to have no digest, or the repository
// to have the blob.
func (u *stream) watch(ctx context.Context, s *session, cancel context.CancelFunc) {
	digest, err := u.digest.wait(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		cancel()
		return
	}
	if u.size-u.offset() < StreamFrom {
		return
	}
	// What a look is told about Retry-After does not apply to the sending.
	there, err := s.hasBlob(u.destination.client.config.Retry.Run(nil).Context(ctx), digest, u.size)
	if err == nil && there { // if it is not known, the blob is sent
		u.there = true
		cancel()
	}
}

// finish ends an upload.
func (s *session) finish(ctx context.Context, to *url.URL, digest v1.Hash, size int64) error {
	resp, err := s.do(ctx, request{
		method: http.MethodPut, url: uploadURL(to, digest),
		statuses: successes(),
	})
	if err != nil {
		return err
	}
	return s.stored(ctx, resp, digest, size)
}
