package leioci

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/verify"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// ownDate returns the date of the snapshot to be pushed. Its annotation, if it is a date, must be
// the one of manifest.json: where the artifact is looked at later, one counts here and the other
// there.
func ownDate(ctx context.Context, p *pushPlan, img v1.Image) (time.Time, error) {
	m, date, err := inside(ctx, p, img)
	if err != nil {
		return time.Time{}, err
	}
	annotated, ok := artifact.Date(m)
	switch {
	case !ok:
	case date.IsZero():
		date = annotated
	case !annotated.Equal(date):
		err = fmt.Errorf("%w: its annotation %s says %s, and its manifest.json %s", ErrNotSnapshot, artifact.AnnotationVersion,
			annotated.Format(time.DateOnly), date.Format(time.DateOnly))
	}
	return date, err
}

// inside returns the manifest of a snapshot to be pushed, possibly without its digests, and the date
// in its manifest.json.
func inside(ctx context.Context, p *pushPlan, img v1.Image) (*v1.Manifest, time.Time, error) {
	if ours, ok := img.(*packagedImage); ok {
		return ours.core.manifest, ours.core.date, nil
	}
	m, err := p.manifest.get(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	date, err := dateInside(ctx, m.Manifest, layersOf(img))
	return m.Manifest, date, err
}

// dateOf returns the date of the snapshot that m describes. It comes from the annotation or,
// because the original client writes none, from manifest.json. It is zero if neither has one, for
// example because m is not a snapshot.
func dateOf(ctx context.Context, m *v1.Manifest, open opener) (time.Time, error) {
	if date, ok := artifact.Date(m); ok {
		return date, nil
	}
	return dateInside(ctx, m, open)
}

// dateInside returns the date in a snapshot's manifest.json.
func dateInside(ctx context.Context, m *v1.Manifest, open opener) (time.Time, error) {
	files, err := artifact.Files(m)
	if err != nil {
		return time.Time{}, nil
	}
	d := files[0].Descriptor
	rc, err := open(ctx, d)
	if err != nil {
		return time.Time{}, err
	}
	defer rc.Close()
	v, err := verify.NewReader(rc, d.Digest, d.Size, snapshot.MaxManifestBytes)
	if err != nil {
		return time.Time{}, err
	}
	meta, err := snapshot.ReadMetadata(v)
	if errors.Is(err, ErrNotSnapshot) {
		return time.Time{}, nil
	}
	return meta.Date, err
}
