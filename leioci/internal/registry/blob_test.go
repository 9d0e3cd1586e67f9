package registry_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestABlobIsReadAndVerified(t *testing.T) {
	right := sample(t)
	sized := func(size int64) v1.Descriptor { return v1.Descriptor{Digest: right.Digest, Size: size} }
	for name, tc := range map[string]struct {
		blob  v1.Descriptor
		fault leiocitest.Fault // for the first request
		want  error            // nil for the right content
	}{
		"right":                       {right, nil, nil},
		"of unknown size":             {sized(registry.SizeUnknown), nil, nil},
		"broken off":                  {right, leiocitest.Truncate(4), nil},
		"broken off at once":          {right, leiocitest.Truncate(0), nil},
		"broken off, of unknown size": {sized(registry.SizeUnknown), leiocitest.Truncate(4), nil},
		"unavailable for once":        {right, leiocitest.Status(http.StatusBadGateway, ""), nil},
		"corrupt":                     {right, leiocitest.Corrupt(9), errdef.ErrVerification},
		"corrupt, of unknown size":    {sized(registry.SizeUnknown), leiocitest.Corrupt(9), errdef.ErrVerification},
		"short":                       {right, leiocitest.Short(1), errdef.ErrVerification},
		"short, of unknown size":      {sized(registry.SizeUnknown), leiocitest.Short(1), errdef.ErrVerification},
		"longer than said":            {sized(9), nil, errdef.ErrVerification},
		"shorter than said":           {sized(11), nil, errdef.ErrVerification},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			if tc.fault != nil {
				reg.On(http.MethodGet, "/blobs/", 1, tc.fault)
			}
			content, err := readBlob(t, w.client().Source(repo), tc.blob)
			if !errors.Is(err, tc.want) || err == nil && content != sampleBlob {
				t.Errorf("got %q, %v", content, err)
			}
		})
	}
}

func TestABlobOverTheLimitIsRefused(t *testing.T) {
	for name, size := range map[string]int64{"of known size": 10, "of unknown size": registry.SizeUnknown} {
		w := newWorld(t)
		_, repo := w.serve("main.localhost")
		for limit, want := range map[int64]error{9: errdef.ErrTooLarge, 10: nil} {
			source := w.client(func(c *registry.Config) { c.MaxBlobBytes = limit }).Source(repo)
			if _, err := readBlob(t, source, v1.Descriptor{Digest: sample(t).Digest, Size: size}); !errors.Is(err, want) {
				t.Errorf("%s, limit %d: got %v, want %v", name, limit, err, want)
			}
		}
	}
}

func TestABlobThatIsNotThereIsTheRegistrysError(t *testing.T) {
	w := newWorld(t)
	_, repo := w.serve("main.localhost")
	var response *transport.Error
	_, err := readBlob(t, w.client().Source(repo), descriptor(t, "absent"))
	if !errors.As(err, &response) || response.StatusCode != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
}

func TestABlobIsAskedForAsItIsStored(t *testing.T) {
	w := newWorld(t)
	reg, repo := w.serve("main.localhost")
	var header http.Header
	reg.On(http.MethodGet, "/blobs/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		header = r.Header
		registry.ServeHTTP(w, r)
	})
	_, err := readBlob(t, w.client().Source(repo), sample(t))
	must(t, err)
	if header.Get("Accept-Encoding") != "identity" || header.Get("Range") != "" || !strings.Contains(header.Get("User-Agent"), "test/1") {
		t.Errorf("the request had %v", header)
	}
}

func TestABlobThatBreaksOffAtAMirrorGoesOnAtTheNextPlace(t *testing.T) {
	p := newPlaces(t)
	p.regs["a.localhost"].On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Truncate(4))
	var rest string
	p.regs["b.localhost"].On(http.MethodGet, "/blobs/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		rest = r.Header.Get("Range")
		registry.ServeHTTP(w, r)
	})
	if content, err := readBlob(t, p.source(), sample(t)); err != nil || content != sampleBlob || rest != "bytes=4-9" {
		t.Errorf("got %q, %v; the second was asked for %q", content, err, rest)
	}
}
