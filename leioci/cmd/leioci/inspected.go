package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
)

// An inspected is where an artifact is that is to be inspected.
type inspected interface {
	// name names the artifact by its digest, as far as the place can.
	name(v1.Hash) string
	// manifest returns its manifest, of any kind. The digest in the descriptor is that of the bytes.
	manifest(context.Context) (v1.Descriptor, []byte, error)
	// blob opens a blob, verified. file is the name of the file that it becomes, if it becomes one.
	// errNotKept is the error for one that this place does not keep.
	blob(ctx context.Context, d v1.Descriptor, file string) (io.ReadCloser, error)
	// referrers returns what refers to a manifest. What it found is valid even with an error.
	referrers(context.Context, v1.Hash) ([]referrer, error)
	// tags returns those that hold a manifest, where that is not a request each.
	tags(context.Context, v1.Hash) ([]string, error)
	close() error
}

// errNotKept says that a directory need not have a file.
var errNotKept = errors.New("not kept")

// openInspected opens what REF|DIR names.
func openInspected(ctx context.Context, env environment, network *networkFlags, text string) (inspected, error) {
	if text == "" { // "$DIR", where DIR is not set
		return nil, usageError{errors.New("REF|DIR is empty")}
	}
	if !isReference(text) {
		if err := refuseOtherThanDir(text); err != nil {
			return nil, err
		}
		return openInspectedDir(text)
	}
	at, err := parseLocation(text)
	if err != nil {
		return nil, err
	}
	repo, err := openRepository(ctx, env, network, at)
	return &inspectedRepository{repo, at}, err
}

// An inspectedRepository is an artifact in a registry, a layout or an archive.
type inspectedRepository struct {
	*leioci.Repository
	at leioci.Location
}

func (r *inspectedRepository) name(digest v1.Hash) string {
	return r.at.At(digest.String()).String()
}

func (r *inspectedRepository) manifest(ctx context.Context) (v1.Descriptor, []byte, error) {
	return r.Manifest(ctx, "")
}

func (r *inspectedRepository) blob(ctx context.Context, d v1.Descriptor, _ string) (io.ReadCloser, error) {
	return r.Blob(ctx, d)
}

func (r *inspectedRepository) close() error { return r.Close() }

func (r *inspectedRepository) tags(ctx context.Context, digest v1.Hash) ([]string, error) {
	if r.at.Path() == "" {
		return nil, nil
	}
	all, err := r.Tags(ctx)
	if err != nil || len(all) > defaultTagLimit {
		return nil, err
	}
	var holding []string
	for _, tag := range all {
		d, _, err := r.Manifest(ctx, tag)
		if err != nil && !isAny(err, leioci.ErrNotFound, leioci.ErrUnsupportedManifest, leioci.ErrVerification, leioci.ErrTooLarge) {
			return nil, err
		}
		if err == nil && d.Digest == digest {
			holding = append(holding, tag)
		}
	}
	return holding, nil
}

// referrers also looks for what cosign keeps under tags of its own.
func (r *inspectedRepository) referrers(ctx context.Context, digest v1.Hash) ([]referrer, error) {
	listed, err := r.Referrers(ctx, digest)
	problems := []error{err}
	var found []referrer
	for _, d := range listed {
		found = append(found, referrer{describeDescriptor(d), referrerKind(d), ""})
	}
	for _, suffix := range []string{"sig", "att", "sbom"} {
		tag := fmt.Sprintf("%s-%s.%s", digest.Algorithm, digest.Hex, suffix)
		d, _, err := r.Manifest(ctx, tag)
		switch {
		case err == nil:
			found = append(found, referrer{describeDescriptor(d), cosignKind(suffix), tag})
		case !errors.Is(err, leioci.ErrNotFound) && !errors.Is(err, leioci.ErrInvalidReference): // of sha512, no tag is so long
			problems = append(problems, err)
		}
	}
	return found, errors.Join(problems...)
}
