package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

// ensureListed makes sure that a repository lists a manifest as a referrer of its subject. A registry
// that did not say so when the manifest was put may respond to the API with an empty list, or with
// something else that package remote does not take for the lack of it. Then the manifest is added to
// the index under the subject's tag, with what is there.
func (d *Destination) ensureListed(ctx context.Context, kind *manifest.Kind, added v1.Descriptor) error {
	subject := kind.Subject.Digest
	list, err := d.Source().Referrers(ctx, subject)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(l v1.Descriptor) bool { return l.Digest == added.Digest }) {
		return nil
	}
	tag := store.ReferrersTag(subject)
	held, _, err := d.Source().AnyManifest(ctx, tag)
	if _, absent := errdef.NoteOf[Absent](err); err != nil && !absent {
		return err
	}
	added.ArtifactType, added.Annotations = kind.ArtifactType, kind.Annotations
	raw, err := withReferrer(held, added)
	if err != nil {
		return err
	}
	digest, err := digestOf("sha256", raw)
	if err != nil {
		return err
	}
	return d.PutManifest(ctx, tag, Put{
		Raw: raw, MediaType: types.OCIImageIndex, Digest: digest,
		Restore: func(context.Context) (bool, error) { return false, nil }, // an index has no blobs
	})
}

// withReferrer adds a descriptor to the index that a tag holds, which may be none, and keeps the rest
// as it is.
func withReferrer(held *store.Manifest, added v1.Descriptor) ([]byte, error) {
	if held == nil {
		return json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{added}})
	}
	if !held.Descriptor.MediaType.IsIndex() {
		return nil, fmt.Errorf("%w: the tag for the list holds %s", errNoList, held.Descriptor.Digest)
	}
	if _, err := manifest.ParseIndex(held.Raw); err != nil {
		return nil, err
	}
	var index map[string]json.RawMessage
	var list []json.RawMessage
	entry, err := json.Marshal(added)
	if err = errors.Join(err, json.Unmarshal(held.Raw, &index)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(index["manifests"], &list); err != nil {
		return nil, err
	}
	if index["manifests"], err = json.Marshal(append(list, entry)); err != nil {
		return nil, err
	}
	return json.Marshal(index)
}
