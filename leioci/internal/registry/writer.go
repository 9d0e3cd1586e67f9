package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// A Writer is a [Destination] as a [store.Writer]. What was put is visible at once, and stays.
type Writer struct {
	to     *Destination
	from   store.Reader
	mounts []name.Repository // where the blobs are that from reads, in the same registry
}

// Writer returns the destination as a [store.Writer] of what from has. Blobs that the registry turns
// out to have lost when their manifest is put are read from there again.
//
// If from is a [Reader] of other repositories in the same registry, that is asked to mount the blobs,
// which it may refuse. Its credentials are the destination's, as they are for everything else.
func (d *Destination) Writer(from store.Reader) *Writer {
	w := &Writer{to: d, from: from}
	if r, ok := from.(interface{ Source() *Source }); ok && r.Source() != nil {
		for _, place := range r.Source().order {
			if d.client.sameRegistry(place.Registry, d.repo.Registry) && place.RepositoryStr() != d.repo.RepositoryStr() {
				w.mounts = append(w.mounts, place)
			}
		}
	}
	return w
}

// sameRegistry reports whether two spellings are of one registry.
func (c *Client) sameRegistry(a, b name.Registry) bool {
	return c.config.canonicalHost(a.RegistryStr()) == c.config.canonicalHost(b.RegistryStr())
}

// String names the repository.
func (w *Writer) String() string { return w.to.repo.String() }

// Reader reads the repository in the session of the writer, without mirrors.
func (w *Writer) Reader() Reader { return w.to.Source().Reader() }

// HasBlob implements [store.Writer].
func (w *Writer) HasBlob(ctx context.Context, d v1.Descriptor) (bool, error) {
	return w.to.HasBlob(ctx, d.Digest, d.Size)
}

// PutBlob implements [store.Writer]. An upload that was interrupted begins anew. It need not be
// preceded by HasBlob: a blob that is there is not sent, nor is one that can be mounted.
func (w *Writer) PutBlob(ctx context.Context, d v1.Descriptor, from store.Reader) error {
	blob := &storedBlob{ctx: ctx, d: d, from: from}
	_, err := w.to.upload(ctx, blob, d.Digest, func(ctx context.Context, s *session, size int64) (*Opening, error) {
		if blob.cannotBeRead() {
			return nil, errUnread
		}
		if retry.Number(ctx) > 1 {
			return w.to.findOrOpen(ctx, s, d.Digest, size)
		}
		return w.mountOrOpen(ctx, s, d.Digest, size)
	})
	return blob.told(err)
}

// mountOrOpen mounts a blob from the repositories it is read from, if that is possible, or else opens
// an upload. Whoever may not read there gets an upload, or a refusal that says nothing about one.
func (w *Writer) mountOrOpen(ctx context.Context, s *session, digest v1.Hash, size int64) (*Opening, error) {
	for _, from := range w.mounts {
		opening, err := w.to.openUpload(ctx, s, digest, size, mountQuery(digest, from))
		if err == nil && opening.found {
			return w.mounted(ctx, s, digest, size)
		}
		if err == nil {
			return opening, nil
		}
		var response *transport.Error
		if !errors.As(err, &response) || retry.IsRetryable(err) || response.StatusCode == http.StatusProxyAuthRequired {
			return nil, err
		}
	}
	return w.to.mountOrOpen(ctx, s, digest, size)
}

// mounted makes sure that a blob is there which a registry says it has mounted. Some say so of every
// request, and few refuse the manifest then.
func (w *Writer) mounted(ctx context.Context, s *session, digest v1.Hash, size int64) (*Opening, error) {
	opening, err := w.to.findOrOpen(ctx, s, digest, size)
	if err == nil && !opening.found {
		w.to.client.config.Log.Infof("%s says that it has mounted %s, and does not have it: it is sent", w.to.repo, digest)
	}
	return opening, err
}

// PutManifest implements [store.Writer].
func (w *Writer) PutManifest(ctx context.Context, m *store.Manifest, tags ...string) error {
	kind, err := manifest.ParseAny(m.Raw, m.Descriptor.MediaType)
	if err != nil {
		return err
	}
	p := Put{
		Raw: m.Raw, MediaType: m.Descriptor.MediaType, Digest: m.Descriptor.Digest, HasSubject: kind.Subject != nil,
		Restore: func(ctx context.Context) (restored bool, err error) { return w.restore(ctx, kind.Blobs) },
	}
	if len(tags) == 0 {
		tags = []string{digestText(m.Descriptor.Digest)}
	}
	for _, tag := range tags {
		if err := w.to.PutManifest(ctx, tag, p); err != nil {
			return err
		}
	}
	if kind.Subject == nil {
		return nil
	}
	if err := w.to.ensureListed(ctx, kind, m.Descriptor); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.to.client.config.Log.Warnf("%s is put, but may not be listed as a referrer of its subject: %v",
			identified(w.to.repo, digestText(m.Descriptor.Digest)), Redact(hide(w.to.client.sent, err)))
	}
	return nil
}

// restore looks for blobs, and sends those that the registry lacks, whatever it seemed to have.
func (w *Writer) restore(ctx context.Context, blobs []v1.Descriptor) (restored bool, err error) {
	for _, d := range blobs {
		if !d.MediaType.IsDistributable() {
			continue
		}
		blob := &storedBlob{ctx: ctx, d: d, from: w.from}
		missing, err := w.to.Restore(ctx, blob, d.Digest)
		if err := blob.told(err); err != nil {
			return false, err
		}
		restored = restored || missing
	}
	return restored, nil
}

// OnCommit implements [store.Writer].
func (w *Writer) OnCommit(func(context.Context) error) {}

// Commit implements [store.Writer].
func (w *Writer) Commit(context.Context) error { return nil }

// Close implements [store.Writer].
func (w *Writer) Close() error { return nil }

var _ store.Writer = (*Writer)(nil)
