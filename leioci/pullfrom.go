package leioci

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// PullFrom writes the snapshot at a location to dir: that of a registry as [Client.PullSnapshot]
// does, and that of a layout or an archive under the same guarantees. All options mean the same
// there. A tag of a layout moves like any other, so that a pull of "latest" from an archive that was
// carried in late does not replace a newer snapshot ([ErrOlder]).
//
// A location without a tag or a digest means latest or, in a layout or an archive that has no such
// tag, the only artifact. A layout or an archive is only read. Its manifest is read even if dir is up
// to date, and blobs that dir has are not.
//
// The errors are those of [Client.PullSnapshot] and [Client.Open].
func (c *Client) PullFrom(ctx context.Context, src Location, dir string, opts ...PullOption) (_ *PullResult, err error) {
	if err := c.checkCall(ctx, "pull"); err != nil {
		return nil, err
	}
	if err := src.check("pull"); err != nil {
		return nil, err
	}
	if repo, ok := src.Repository(); ok {
		id := orDefault(src.id, tagLatest)
		if src.byDigest() {
			return c.PullSnapshot(ctx, repo.Digest(id), dir, opts...)
		}
		return c.PullSnapshot(ctx, repo.Tag(id), dir, opts...)
	}
	reader, closer, err := c.openReader(ctx, src, Location{})
	if err != nil {
		return nil, fail("pull", src, err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	if src.id, err = defaultID(ctx, src, reader); err != nil {
		return nil, fail("pull", src, err)
	}
	policy, trust, err := c.policyFor(src, src.byDigest() || isDated(src.id), opts)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", src, err)
	}
	defer policy.Progress.End()
	return c.pullLocal(ctx, reader, src, dir, policy, trust)
}

// pullLocal is PullFrom for a place on this machine, of which a manifest costs no request.
func (c *Client) pullLocal(ctx context.Context, reader store.Reader, src Location, dir string, policy target.Policy, t trust) (*PullResult, error) {
	m, err := reader.Manifest(ctx, src.id)
	if err != nil {
		return nil, fail("pull manifest", src, err)
	}
	decoded, err := manifest.Parse(m.Raw, m.Descriptor.MediaType)
	if err == nil && len(decoded.Layers) == 0 {
		err = fmt.Errorf("%w: no layers", ErrUnsupportedManifest)
	}
	if err != nil {
		return nil, fail("pull manifest", src, err)
	}
	pinned := src.At(m.Descriptor.Digest.String())
	targetDir := target.Open(dir, policy, &target.Memory{}, c.concurrency, c.log)
	verify := func(raw []byte) (*Subject, error) { return t.verifyIn(ctx, reader, src, raw) }
	res, err := localUpToDate(ctx, targetDir, m, src, t, verify)
	if err != nil {
		return nil, fail("pull", pinned, err)
	}
	if res == nil {
		if err := targetDir.Check(); err != nil {
			return nil, fail("pull", src, adviseDisk(dir, err))
		}
		if err := targetDir.RefuseAnnotated(decoded); err != nil {
			return nil, fail("pull", pinned, err)
		}
		subject, err := t.admit(targetDir, m.Raw, verify)
		if err != nil {
			return nil, fail("verify", pinned, err)
		}
		res, err = installFrom(ctx, pinned, m.Raw, decoded, targetDir, dir, c.downloader(reader))
		if err != nil {
			return nil, err
		}
		res.Signatures = subject.signatures()
	}
	res.From = pinned
	c.log.WithField("digest", pinned.String()).Infof("%s is up to date with %s", dir, src)
	return res, nil
}

// installFrom puts the snapshot of a manifest in the directory's place.
func installFrom(
	ctx context.Context, pinned fmt.Stringer, raw []byte, m *v1.Manifest, targetDir *target.Dir, dir string, fetch target.Fetch,
) (*PullResult, error) {
	res, err := targetDir.Install(ctx, raw, m, func(ctx context.Context, d v1.Descriptor, part target.Partial) (int64, error) {
		n, err := fetch(ctx, d, part)
		if err != nil {
			err = registry.Redact(err) // it may be logged
		}
		return n, err
	})
	if err != nil {
		return nil, fail("pull", pinned, adviseDisk(dir, err))
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return newPullResult(res, digest), nil
}

// localUpToDate returns a result if the directory has the snapshot of a manifest already.
func localUpToDate(
	ctx context.Context, targetDir *target.Dir, m *store.Manifest, asked Location, t trust, verify func([]byte) (*Subject, error),
) (*PullResult, error) {
	current, ok := targetDir.Digest()
	if !ok || current != m.Descriptor.Digest {
		return nil, nil
	}
	signed, err := t.trustHeld(targetDir, asked, verify)
	if err != nil {
		return nil, err
	}
	res, err := targetDir.UpToDate(ctx)
	if res == nil || err != nil {
		return nil, err
	}
	result := newPullResult(res, current)
	result.Signatures = signed
	return result, nil
}

// downloader fetches blobs of a place, within the client's limit.
func (c *Client) downloader(from store.Reader) target.Fetch {
	return func(ctx context.Context, d v1.Descriptor, part target.Partial) (int64, error) {
		if err := c.checkSize(d); err != nil {
			return 0, err
		}
		return from.Download(ctx, d, part)
	}
}

// checkSize returns ErrTooLarge for a blob over the limit of [WithMaxBlobBytes].
func (c *Client) checkSize(d v1.Descriptor) error {
	if most := c.registry.MaxBlobBytes(); d.Size > most {
		return fmt.Errorf("%w: blob %s of %d bytes, limit %d", ErrTooLarge, d.Digest, d.Size, most)
	}
	return nil
}
