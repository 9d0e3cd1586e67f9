package ocilayout_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

func TestADamagedManifestIsNoObstacleToOthers(t *testing.T) {
	dir := copyOf(t, "both")
	path, err := layout.FromPath(dir)
	must(t, err)
	name := func(tag string) layout.Option {
		return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})
	}
	img, err := random.Image(10, 1)
	must(t, err)
	index, err := random.Index(10, 1, 2)
	must(t, err)
	must(t, path.AppendImage(img, name("v1")))
	must(t, path.AppendIndex(index, name("v2")))
	l := open(t, dir)
	subject, err := v1.NewHash(artifact)
	must(t, err)
	referrers, err := l.Referrers(t.Context(), subject)
	must(t, err)
	listed, err := index.IndexManifest()
	must(t, err)
	digestOf := func(tag string) v1.Hash {
		m, err := l.Manifest(t.Context(), tag)
		must(t, err)
		return m.Descriptor.Digest
	}
	list := "sha256-" + strings.TrimPrefix(artifact, "sha256:")
	other, unnamed := digestOf("v1"), listed.Manifests[1].Digest
	for name, tc := range map[string]struct {
		damaged         v1.Hash
		refers, reaches bool // what can still be read
	}{
		"another tag's":      {other, true, true},
		"in another index":   {unnamed, true, true},
		"another index":      {digestOf("v2"), true, false},
		"the list":           {digestOf(list), false, true},
		"one that refers":    {referrers[0].Digest, false, true},
		"what it belongs to": {subject, true, true},
	} {
		file := blobFile(dir, tc.damaged)
		content, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, []byte("damaged"), 0o644))
		l := open(t, dir)
		check := func(what string, err error, works bool) {
			t.Helper()
			if works && err != nil || !works && !errors.Is(err, errdef.ErrVerification) {
				t.Errorf("%s: %s: got %v", name, what, err)
			}
		}
		all, err := l.Referrers(t.Context(), subject)
		check("referrers", err, tc.refers)
		if tc.refers && len(all) != len(referrers) {
			t.Errorf("%s: %d referrers", name, len(all))
		}
		_, err = l.Manifest(t.Context(), listed.Manifests[0].Digest.String())
		check("one in an index", err, tc.reaches)
		_, err = l.Manifest(t.Context(), tc.damaged.String())
		check("the damaged one", err, false)
		must(t, os.WriteFile(file, content, 0o644))
		all, err = l.Referrers(t.Context(), subject)
		check("referrers after it was mended", err, true)
		if len(all) != len(referrers) {
			t.Errorf("%s: %d referrers after it was mended", name, len(all))
		}
	}
}
