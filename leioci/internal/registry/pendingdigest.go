package registry

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A pendingDigest is a digest that is being computed.
type pendingDigest struct {
	cancel context.CancelFunc
	done   chan struct{}

	// After done.
	digest v1.Hash
	err    error
}

// startHashing calls hash, until ctx ends. The caller must call stop.
func startHashing(ctx context.Context, hash func(context.Context) (v1.Hash, error)) *pendingDigest {
	ctx, cancel := context.WithCancel(ctx)
	p := &pendingDigest{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.digest, p.err = hash(ctx)
	}()
	return p
}

// wait returns the digest once it is known, or the cause of ctx if that ends before.
func (p *pendingDigest) wait(ctx context.Context) (v1.Hash, error) {
	select {
	case <-p.done:
		return p.digest, p.err
	case <-ctx.Done():
		return v1.Hash{}, context.Cause(ctx)
	}
}

// stop ends the computation, and returns when it has ended.
func (p *pendingDigest) stop() {
	p.cancel()
	<-p.done
}
