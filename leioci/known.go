package leioci

import (
	"bytes"
	"context"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// known is what a push learns before it sends anything: whether it may, and what is there already.
// While that is on its way, uploads are opened, if it takes a while.
type known struct {
	plan *pushPlan
	slow chan struct{} // closed if it takes a while
	done chan struct{} // closed when the fields below are final

	refusal error // why nothing may be sent
	mu      sync.Mutex
	tags    map[string]bool    // those that hold the manifest
	blobs   map[knownBlob]bool // those in the repository
	slowly  sync.Once
}

type knownBlob struct {
	digest v1.Hash
	size   int64
}

// newKnown lets permit find out.
func newKnown(ctx context.Context, p *pushPlan, permit func(context.Context, *known) error) *known {
	k := &known{
		plan: p, slow: make(chan struct{}), done: make(chan struct{}),
		tags: map[string]bool{}, blobs: map[knownBlob]bool{},
	}
	go func() {
		defer close(k.done)
		k.refusal = permit(ctx, k)
	}()
	return k
}

// isSlow says that it takes a while.
func (k *known) isSlow() { k.slowly.Do(func() { close(k.slow) }) }

func (k *known) isDone() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

// learn adds what a tag holds, and reports whether that is the manifest of the push, byte for byte.
// If it may be, the files are hashed for that. The blobs of any manifest that the registry has are
// there: those that it lists with a size which differs from the push's own are another matter, and so
// are those that need not be in a registry.
func (k *known) learn(ctx context.Context, tag string, m *registry.Manifest) (same bool) {
	k.mu.Lock()
	for _, d := range manifest.Blobs(m.Manifest) {
		if d.MediaType.IsDistributable() {
			k.blobs[knownBlob{d.Digest, d.Size}] = true
		}
	}
	k.mu.Unlock()
	if _, ok := k.plan.manifest.known(); !ok && !k.plan.mayBe(m.Manifest) {
		return false
	}
	pushed, err := k.plan.manifest.get(ctx)
	if err != nil { // the upload will tell it
		return false
	}
	same = bytes.Equal(m.Raw, pushed.raw) && m.Descriptor.MediaType == pushed.MediaType
	if same && pushed.Subject == nil { // a referrer is put again: it may not be listed
		k.mu.Lock()
		k.tags[tag] = true
		k.mu.Unlock()
	}
	return same
}

// tagged reports whether a tag is known to hold the manifest.
func (k *known) tagged(tag string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tags[tag]
}

// has reports whether the repository is known to have a blob.
func (k *known) has(digest v1.Hash, size int64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.blobs[knownBlob{digest, size}]
}

// mayHave reports whether the repository is known to have a blob of that size.
func (k *known) mayHave(size int64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for b := range k.blobs {
		if b.size == size {
			return true
		}
	}
	return false
}

// openWithin is how long it may take to open an upload that has turned out not to be needed. It is
// waited for in order to end it.
const openWithin = 500 * time.Millisecond

// open opens the upload of a blob if it takes a while to learn whether that may be sent. It returns
// nil if there is none.
func (k *known) open(ctx context.Context, to *registry.Destination, digest v1.Hash, size int64) *registry.Opening {
	select {
	case <-k.done:
	case <-k.slow:
	}
	if k.isDone() || k.has(digest, size) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-k.done:
		}
		if k.refusal != nil || k.has(digest, size) {
			sleep(ctx, openWithin)
			cancel()
		}
	}()
	opening, err := to.Open(ctx, digest, size)
	if err != nil { // it will be told if it happens again
		return nil
	}
	return opening
}

// lookAt learns what a tag holds. That it cannot be looked at is no error.
func (c *Client) lookAt(ctx context.Context, p *pushPlan, tag string, to *registry.Destination, known *known) error {
	m, err := to.LookOnce(ctx, tag, known.isSlow)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		if c.registry.Hears(logrus.DebugLevel) { // for a new tag, this is the rule
			c.log.Debugf("what %s holds is not known: %v", p.repo.Tag(tag), registry.Redact(err))
		}
		return nil
	}
	known.learn(ctx, tag, m)
	return nil
}
