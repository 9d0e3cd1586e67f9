package leioci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// NoOverwrite lets a push or a copy make tags, but not change what a tag holds, whether it is dated
// or moves. Every tag is looked at before anything is uploaded. If one of them holds another
// manifest, no tag is made, and the error, [ErrTagExists], names each such tag and the digest of
// what it holds. A tag that holds this very manifest counts as pushed, so that a push which failed
// half-way can be repeated. Nothing is moved back then either: [AllowMoveBack] changes nothing, and
// the tags are looked at all the same.
//
// If the registry does not let a tag be looked at, the push fails: only 404 means that there is
// none, as for the moving tags of [Client.PushSnapshot].
//
// The tags are looked at once more after the upload, because registries have no compare-and-swap:
// another publisher who makes the same tag between that look and the request that makes the tag is
// not noticed. A registry whose tags are immutable does notice, and its refusal is ErrTagExists,
// too, inside a [*PushError]. The tags of a layout or an archive are looked at once more when nobody
// else can change them, so that of several who make a tag one does; but where files cannot be locked,
// and for programs that lock none, it is as in a registry.
func NoOverwrite() DestinationOption {
	return destinationOption{
		func(o *pushOptions) error { o.noOverwrite = true; return nil },
		func(o *copyOptions) error { o.noOverwrite = true; return nil },
	}
}

// refuseOverwrite returns ErrTagExists if tags hold another manifest than that of the push. It looks
// at all of them, except for those that are known to hold this one.
func (c *Client) refuseOverwrite(ctx context.Context, p *pushPlan, to *registry.Destination, known *known) error {
	holds := make([]string, len(p.tags))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.concurrency)
	for i, tag := range p.tags {
		if known.tagged(tag) {
			continue
		}
		g.Go(func() error {
			other, err := otherAt(ctx, p, tag, to, known)
			if err != nil {
				return fmt.Errorf("check tag %s: %w", tag, adviseOverwriteLook(err))
			}
			if other != (v1.Hash{}) {
				holds[i] = fmt.Sprintf("%s holds %s", tag, other)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	holds = slices.DeleteFunc(holds, func(s string) bool { return s == "" })
	if len(holds) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; nothing was tagged", ErrTagExists, strings.Join(holds, ", "))
}

// refuseOverwriteAgain is refuseOverwrite after the upload, which may have taken long. The tags that
// hold the manifest already are not lost.
func (c *Client) refuseOverwriteAgain(ctx context.Context, p *pushPlan, to *registry.Destination, known *known) error {
	if !p.noOverwrite {
		return nil
	}
	err := c.refuseOverwrite(ctx, p, to, known)
	if err == nil {
		return nil
	}
	errs := make([]error, len(p.tags))
	for i, tag := range p.tags {
		if !known.tagged(tag) {
			errs[i] = err
		}
	}
	return p.result(errs)
}

// otherAt returns the digest of what a tag holds if that is not the manifest of the push.
func otherAt(ctx context.Context, p *pushPlan, tag string, to *registry.Destination, known *known) (v1.Hash, error) {
	m, err := to.Look(ctx, tag, known.isSlow)
	if _, absent := errdef.NoteOf[registry.Absent](err); absent {
		return v1.Hash{}, nil
	}
	if other, ok := errdef.NoteOf[registry.NotImage](err); ok {
		return other.Digest, nil
	}
	if err != nil || known.learn(ctx, tag, m) {
		return v1.Hash{}, err
	}
	if _, hashed := p.manifest.known(); !hashed && !p.mayBe(m.Manifest) {
		return m.Descriptor.Digest, nil
	}
	pushed, err := p.manifest.get(ctx)
	if err != nil || pushed.digest == m.Descriptor.Digest {
		return v1.Hash{}, err
	}
	return m.Descriptor.Digest, nil
}

// adviseOverwriteLook says what to do if a tag cannot be looked at.
func adviseOverwriteLook(err error) error {
	var response *transport.Error
	if registry.InHandshake(err) || !errors.As(err, &response) {
		return err
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w (a tag that must not be overwritten has to be readable; some registries refuse that before a first push)", err)
	}
	return err
}
