package sigstoretest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Attach puts bundles into a repository, as manifests of their own whose subject is the artifact with
// a digest, as cosign does it. Where the registry has no list of referrers, it is put under the
// digest's tag. The artifact must be there.
func Attach(ctx context.Context, rt http.RoundTripper, repo name.Repository, digest v1.Hash, bundles ...[]byte) error {
	opts := []remote.Option{remote.WithContext(ctx), remote.WithTransport(rt)}
	subject, err := remote.Head(repo.Digest(digest.String()), opts...)
	if err != nil {
		return err
	}
	for _, text := range bundles {
		img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer(text, MediaType))
		if err != nil {
			return err
		}
		img = mutate.ConfigMediaType(img, MediaType) // the artifact type, for the list of referrers
		attached, ok := mutate.Subject(img, *subject).(v1.Image)
		if !ok {
			return fmt.Errorf("a subject makes an image a %T", attached)
		}
		sum, err := attached.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(repo.Digest(sum.String()), attached, opts...); err != nil {
			return err
		}
	}
	return nil
}
