package target_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// bulky is a snapshot whose reports are larger than its manifest.json.
func bulky(t *testing.T) *published {
	t.Helper()
	report := fmt.Sprintf(`{"data":{"repo":"https://example.org/a","risk":"%s"}}`, rand.Text()+rand.Text()+rand.Text())
	reports := make([]string, 50)
	for i := range reports {
		reports[i] = report[:len(report)-3] + rand.Text() + report[len(report)-3:]
	}
	p := annotated(t, monday, reports...)
	if p.manifest.Layers[0].Size > p.manifest.Layers[1].Size {
		t.Fatal("manifest.json is the larger one")
	}
	return p
}

func TestTheLargestFileIsFetchedFirst(t *testing.T) {
	p := bulky(t)
	var sizes []int64
	d := target.Open(filepath.Join(t.TempDir(), "lei"), target.Policy{}, &target.Memory{}, 1, discard())
	_, err := d.Install(t.Context(), p.raw, p.manifest, func(ctx context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
		sizes = append(sizes, d.Size)
		return p.fetch(ctx, d, into)
	})
	must(t, err)
	if len(sizes) != 2 || sizes[0] < sizes[1] {
		t.Errorf("got files of %v bytes", sizes)
	}
}

func TestTheOtherFilesAreFetchedAtTheSameTime(t *testing.T) {
	p := bulky(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	meet := make(chan struct{})
	d := open(filepath.Join(t.TempDir(), "lei"), target.Policy{})
	_, err := d.Install(ctx, p.raw, p.manifest, func(ctx context.Context, d v1.Descriptor, into target.Partial) (int64, error) {
		select {
		case meet <- struct{}{}:
		case <-meet:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		return p.fetch(ctx, d, into)
	})
	must(t, err)
}
