package pulled

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
)

// Manifest implements [store.Reader]. A tag is one of the snapshot that is there now.
func (d *Dir) Manifest(ctx context.Context, id string) (*store.Manifest, error) {
	digest, err := v1.NewHash(id)
	if err == nil {
		var m *store.Manifest
		err := d.open(ctx, func(g *generation) bool {
			m = g.manifest
			return hashOf(digest.Algorithm, m.Raw) == digest
		})
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", id, err)
		}
		return m, nil
	}
	g, err := d.now(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(g.tags, id) {
		return nil, fmt.Errorf("tag %q: %w in %s", id, errdef.ErrNotFound, d.path)
	}
	return g.manifest, nil
}

// OpenBlob implements [store.Local]. Reading fails with errdef.ErrVerification if somebody has
// written to the file.
func (d *Dir) OpenBlob(ctx context.Context, digest v1.Hash) (store.File, int64, error) {
	var c *content
	var changed error
	err := d.open(ctx, func(g *generation) bool {
		b := g.blobs[digest]
		if b == nil {
			return false
		}
		if err := b.check(); err != nil {
			changed = err
			return false
		}
		g.readers++
		c = newContent(ctx, b, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			g.release()
		})
		return true
	})
	if changed != nil && errors.Is(err, errdef.ErrNotFound) {
		err = changed // it is here, and may be right
	}
	if err != nil {
		return nil, 0, fmt.Errorf("blob %s: %w", digest, err)
	}
	return c, c.Size(), nil
}

// Blob implements [store.Reader].
func (d *Dir) Blob(ctx context.Context, desc v1.Descriptor) (io.ReadCloser, error) {
	f, size, err := d.OpenBlob(ctx, desc.Digest)
	if err != nil {
		return nil, err
	}
	v, err := verify.NewReader(verify.Until(ctx, f), desc.Digest, desc.Size, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errdef.ErrVerification, err), f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{v, f}, nil
}

// Download implements [store.Reader]. It reads all of the blob, unless the partial file has it.
func (d *Dir) Download(ctx context.Context, desc v1.Descriptor, into store.Partial) (int64, error) {
	if into.Size() == desc.Size && desc.Size > 0 && verify.All(ctx, into.Content(), desc.Digest, desc.Size) == nil {
		return 0, nil
	}
	rc, err := d.Blob(ctx, desc)
	if err != nil {
		return 0, err
	}
	defer rc.Close()
	if err := into.Reset(); err != nil {
		return 0, err
	}
	n, err := io.Copy(into, rc)
	if errors.Is(err, errdef.ErrVerification) {
		err = errors.Join(err, into.Reset())
	}
	return n, err
}

// Tags implements [store.Reader].
func (d *Dir) Tags(ctx context.Context) ([]string, error) {
	g, err := d.now(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(g.tags), nil
}

// Referrers implements [store.Reader]. Nothing is pulled along with a snapshot that refers to it.
// The snapshot itself may refer to something.
func (d *Dir) Referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	g, err := d.now(ctx)
	if err != nil {
		return nil, err
	}
	if s := g.parsed.Subject; s == nil || s.Digest != subject {
		return nil, nil
	}
	desc := g.manifest.Descriptor
	desc.ArtifactType = cmp.Or(g.parsed.ArtifactType, string(g.parsed.Config.MediaType))
	desc.Annotations = g.parsed.Annotations
	return []v1.Descriptor{desc}, nil
}
