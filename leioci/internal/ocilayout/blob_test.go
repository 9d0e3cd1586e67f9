package ocilayout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/ocilayout"
)

// everyWay reads a blob by every function that can, and returns their errors.
func everyWay(ctx context.Context, l *ocilayout.Layout, d v1.Descriptor) map[string]error {
	errs := map[string]error{}
	rc, err := l.Blob(ctx, d)
	if err == nil {
		_, err = io.ReadAll(rc)
		err = errors.Join(err, rc.Close())
	}
	errs["Blob"] = err
	f, _, err := l.OpenBlob(ctx, d.Digest)
	if err == nil {
		err = f.Close()
	}
	errs["OpenBlob"] = err
	into := &partial{}
	_, err = l.Download(ctx, d, into)
	if err != nil && len(into.all) == int(d.Size) {
		err = errors.New("a download that failed is complete")
	}
	errs["Download"] = err
	return errs
}

func TestABlobThatIsNotWhatItsNameSaysIsNotRead(t *testing.T) {
	digest, err := v1.NewHash("sha256:dd5b3a8a2b1b696df81992c1aa331758a88eb5f0ee5b3ee7fe59a2e758f2d3bd")
	must(t, err)
	d := v1.Descriptor{Digest: digest, Size: 106}
	content, err := os.ReadFile(blobFile(filepath.Join("testdata", "both"), digest))
	must(t, err)
	other := bytes.Replace(content, []byte("200"), []byte("201"), 1)
	for name, tc := range map[string]struct {
		content []byte
		want    error
	}{
		"it":            {content, nil},
		"another":       {other, errdef.ErrVerification},
		"a shorter one": {content[:50], errdef.ErrVerification},
		"a longer one":  {append(bytes.Clone(content), ' '), errdef.ErrVerification},
		"an empty one":  {nil, errdef.ErrVerification},
	} {
		dir := copyOf(t, "both")
		must(t, os.WriteFile(blobFile(dir, digest), tc.content, 0o600))
		for by, err := range everyWay(t.Context(), open(t, dir), d) {
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: %s returned %v", name, by, err)
			}
		}
	}
	dir := copyOf(t, "both")
	l := open(t, dir)
	everyWay(t.Context(), l, d)
	must(t, os.Remove(blobFile(dir, digest)))
	must(t, os.WriteFile(blobFile(dir, digest), other, 0o600)) // after it was found intact
	for by, err := range everyWay(t.Context(), l, d) {
		if !errors.Is(err, errdef.ErrVerification) {
			t.Errorf("exchanged: %s returned %v", by, err)
		}
	}
	must(t, os.Remove(blobFile(dir, digest)))
	for by, err := range everyWay(t.Context(), l, d) {
		if !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("removed: %s returned %v", by, err)
		}
	}
	must(t, os.Mkdir(blobFile(dir, digest), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "secret"), content, 0o600))
	for _, bad := range []v1.Hash{digest, {Algorithm: "sha256", Hex: "../../secret"}, {Algorithm: "../x", Hex: digest.Hex}, {}} {
		for by, err := range everyWay(t.Context(), l, v1.Descriptor{Digest: bad, Size: 106}) {
			if err == nil || bad != digest && !errors.Is(err, errdef.ErrInvalidReference) {
				t.Errorf("%s reads %s: %v", by, bad, err)
			}
		}
	}
}

func TestALinkOutOfALayoutIsNotFollowed(t *testing.T) {
	digest, err := v1.NewHash("sha256:dd5b3a8a2b1b696df81992c1aa331758a88eb5f0ee5b3ee7fe59a2e758f2d3bd")
	must(t, err)
	dir, elsewhere := copyOf(t, "both"), copyOf(t, "both")
	l := open(t, dir)
	must(t, os.Remove(blobFile(dir, digest)))
	must(t, os.Symlink(blobFile(elsewhere, digest), blobFile(dir, digest)))
	for by, err := range everyWay(t.Context(), l, v1.Descriptor{Digest: digest, Size: 106}) {
		if err == nil {
			t.Errorf("%s follows it", by)
		}
	}
	must(t, os.Remove(filepath.Join(dir, "index.json")))
	must(t, os.Symlink(filepath.Join(elsewhere, "index.json"), filepath.Join(dir, "index.json")))
	if _, err := ocilayout.Open(t.Context(), dir); err == nil {
		t.Error("index.json is followed")
	}
}

func TestABlobIsOpenedByManyAtOnce(t *testing.T) {
	l := open(t, filepath.Join("testdata", "both"))
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			f, size, err := l.OpenBlob(t.Context(), digest)
			if err != nil || size != 62724 {
				t.Errorf("got %d, %v", size, err)
				return
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestReadingEndsWithItsContext(t *testing.T) {
	l := open(t, filepath.Join("testdata", "both"))
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	for by, err := range everyWay(ctx, l, v1.Descriptor{Digest: digest, Size: 62724}) {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s returned %v", by, err)
		}
	}
}

// A partial is a [store.Partial] in memory.
type partial struct {
	held, all []byte
	resets    int
}

func holding(held []byte) *partial { return &partial{held: held, all: bytes.Clone(held)} }

func (p *partial) Size() int64        { return int64(len(p.held)) }
func (p *partial) Content() io.Reader { return bytes.NewReader(p.held) }

func (p *partial) Write(b []byte) (int, error) {
	p.all = append(p.all, b...)
	return len(b), nil
}

func (p *partial) Reset() error {
	p.held, p.all = nil, nil
	p.resets++
	return nil
}

func TestADownloadContinuesWhatIsRight(t *testing.T) {
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	dir := filepath.Join("testdata", "both")
	content, err := os.ReadFile(blobFile(dir, digest))
	must(t, err)
	size := int64(len(content))
	for name, tc := range map[string]struct {
		held    []byte
		fetched int64
	}{
		"nothing":          {nil, size},
		"a byte":           {content[:1], size - 1},
		"nearly all":       {content[:size-1], 1},
		"all":              {content, 0},
		"more":             {append(bytes.Clone(content), 0), size},
		"something else":   {make([]byte, 100), 2*size - 100},
		"as much, not it":  {make([]byte, size), size},
		"one wrong at end": {append(bytes.Clone(content[:size-1]), ^content[size-1]), size},
	} {
		into := holding(tc.held)
		fetched, err := open(t, dir).Download(t.Context(), v1.Descriptor{Digest: digest, Size: size}, into)
		if err != nil || fetched != tc.fetched || !bytes.Equal(into.all, content) {
			t.Errorf("%s: fetched %d, want %d, %v", name, fetched, tc.fetched, err)
		}
	}
}

func TestAnOpenBlobThatIsWrittenToIsNotReadOn(t *testing.T) {
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	dir := copyOf(t, "both")
	content, err := os.ReadFile(blobFile(dir, digest))
	must(t, err)
	f, size, err := open(t, dir).OpenBlob(t.Context(), digest)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	_, err = io.ReadFull(f, make([]byte, 1))
	must(t, err)
	must(t, os.WriteFile(blobFile(dir, digest), append(bytes.Clone(content[:size-1]), ^content[size-1]), 0o600)) // in place
	must(t, os.Chtimes(blobFile(dir, digest), time.Now(), time.Now().Add(time.Second)))
	if rest, err := io.ReadAll(f); !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("Read: %d bytes, %v", len(rest), err)
	}
	if n, err := f.ReadAt(make([]byte, 1), size-1); n > 0 || !errors.Is(err, errdef.ErrVerification) {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
}

func TestAnOpenBlobThatIsTouchedIsReadOn(t *testing.T) {
	digest, err := v1.NewHash("sha256:1d87a087be8daef784752e6dc16cf995441a77b3156ff980ba5caa67f06c71ce")
	must(t, err)
	dir := copyOf(t, "both")
	want, err := os.ReadFile(blobFile(dir, digest))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	f, _, err := open(t, dir).OpenBlob(ctx, digest)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	first := make([]byte, 1)
	_, err = io.ReadFull(f, first)
	must(t, err)
	must(t, os.Chtimes(blobFile(dir, digest), time.Now(), time.Now().Add(time.Second)))
	rest, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(append(first, rest...), want) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	cancel()
	must(t, os.Chtimes(blobFile(dir, digest), time.Now(), time.Now().Add(time.Hour)))
	if n, err := f.ReadAt(first, 0); n > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
