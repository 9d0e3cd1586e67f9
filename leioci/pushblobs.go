package leioci

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/progress"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A blobToPush is one of the caller's blobs.
type blobToPush struct {
	v1.Layer        // of which nothing is asked but its size and its content
	name     string // for errors
	size     int64
	digest   *deferred[v1.Hash]
	told     *progress.Blob // nil if nobody is told
}

// uploadBlobs uploads the blobs that the repository does not have. It hashes them, and asks for
// them, but sends nothing, while it is not known yet what is there.
func (c *Client) uploadBlobs(ctx context.Context, p *pushPlan, to *registry.Destination, known *known) error {
	return c.eachBlob(ctx, p, func(ctx context.Context, b blobToPush) error {
		hashed, stop := b.startHashing(ctx)
		defer stop()
		if b.goesUnhashed(hashed, known) {
			return c.streamBlob(ctx, p, b, to)
		}
		if known.isDone() && known.refusal != nil {
			return nil //nolint:nilerr // push tells the refusal
		}
		digest, err := b.digest.get(ctx)
		if err != nil {
			return err
		}
		b.told.Know(digest)
		opening := known.open(ctx, to, digest, b.size)
		<-known.done
		if known.refusal != nil || known.has(digest, b.size) {
			to.Abandon(ctx, opening)
			if known.refusal == nil {
				b.finished(digest, false)
			}
			return nil //nolint:nilerr // push tells the refusal
		}
		sent, err := to.Send(ctx, opening, b, digest)
		if err != nil {
			return err
		}
		b.finished(digest, sent)
		c.logPushed(p, digest)
		return nil
	})
}

// goesUnhashed waits until the blob is hashed, or may be sent. It reports whether it had better be
// sent at once: it is large, not hashed yet, and the repository is not known to have one like it.
func (b blobToPush) goesUnhashed(hashed <-chan struct{}, known *known) bool {
	if b.size < registry.StreamFrom {
		return false
	}
	select {
	case <-hashed:
	case <-known.done:
	}
	_, ok := b.digest.known()
	return !ok && known.isDone() && known.refusal == nil && !known.mayHave(b.size)
}

// streamBlob sends a blob while it is hashed.
func (c *Client) streamBlob(ctx context.Context, p *pushPlan, b blobToPush, to *registry.Destination) error {
	digest, sent, err := to.Stream(ctx, b, b.digest.get)
	if err != nil {
		return err
	}
	b.finished(digest, sent)
	c.logPushed(p, digest)
	return nil
}

func (c *Client) logPushed(p *pushPlan, digest v1.Hash) {
	if c.registry.Hears(logrus.InfoLevel) { // what the message is made of is not free
		c.log.WithField("blob", digest.String()).Infof("pushed blob to %s", p.repo)
	}
}

// startHashing begins to compute the digest, for whoever asks for it. The caller must call stop.
func (b blobToPush) startHashing(ctx context.Context) (done <-chan struct{}, stop func()) {
	hashed := make(chan struct{})
	if _, ok := b.digest.known(); ok {
		close(hashed)
		return hashed, func() {}
	}
	b.told.Enter(progress.Hashing)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(hashed)
		_, _ = b.digest.get(ctx) // who asks for it gets the error
	}()
	return hashed, func() {
		cancel()
		<-hashed
	}
}

// restoreBlobs looks for all blobs, and uploads those that the repository has not, whatever it
// seemed to have. It reports whether there were any.
func (c *Client) restoreBlobs(ctx context.Context, p *pushPlan, to *registry.Destination) (restored bool, err error) {
	var sent atomic.Bool
	err = c.eachBlob(ctx, p, func(ctx context.Context, b blobToPush) error {
		digest, err := b.digest.get(ctx)
		if err != nil {
			return err
		}
		missing, err := to.Restore(ctx, b, digest)
		if missing {
			sent.Store(true)
		}
		if missing && err == nil {
			b.finished(digest, true)
		}
		return err
	})
	return sent.Load(), err
}

// eachBlob calls upload for each of the caller's blobs, several at a time.
func (c *Client) eachBlob(ctx context.Context, p *pushPlan, upload func(context.Context, blobToPush) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.concurrency)
	for _, b := range p.blobs {
		g.Go(func() error {
			if err := upload(ctx, b); err != nil {
				return fail("upload blob", b.what(p.repo), err)
			}
			return nil
		})
	}
	return g.Wait()
}

// what names the blob, by its digest if that is known.
func (b blobToPush) what(repo name.Repository) fmt.Stringer {
	if digest, known := b.digest.known(); known {
		return repo.Digest(digest.String())
	}
	return fileIn{b.name, repo}
}
