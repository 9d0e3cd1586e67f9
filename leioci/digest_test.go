package leioci_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	signed      = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// saying responds to requests for manifests with body and the given headers.
func saying(body string, headers map[string][]string) leiocitest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for name, values := range headers {
			w.Header()[name] = values
		}
		_, _ = w.Write([]byte(body))
	}
}

// respond responds with a status and a body.
func respond(status int, contentType, body string) leiocitest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestTheDigestOfATagIsThatOfItsBytesWhateverTheRegistrySays(t *testing.T) {
	raw := string(readFile(t, sampleDir, "oci-manifest.json"))
	other := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("other")))
	for name, tc := range map[string]struct {
		contentType []string
		digests     []string
		want        error
	}{
		"nothing":                                    {nil, nil, nil},
		"the right digest":                           {[]string{ociManifest}, []string{sampleDigest}, nil},
		"the right SHA-512":                          {[]string{ociManifest}, []string{fmt.Sprintf("sha512:%x", sha512.Sum512([]byte(raw)))}, nil},
		"another digest":                             {[]string{ociManifest}, []string{other}, leioci.ErrVerification},
		"another digest, as a signed manifest":       {[]string{signed}, []string{other}, leioci.ErrVerification},
		"another SHA-512":                            {[]string{ociManifest}, []string{fmt.Sprintf("sha512:%x", sha512.Sum512(nil))}, leioci.ErrVerification},
		"the right and another":                      {[]string{ociManifest}, []string{sampleDigest, other}, leioci.ErrVerification},
		"no digest":                                  {[]string{ociManifest}, []string{"latest"}, nil},
		"an unknown algorithm":                       {[]string{ociManifest}, []string{"md5:d41d8cd98f00b204e9800998ecf8427e"}, nil},
		"the right digest, as a signed manifest":     {[]string{signed}, []string{sampleDigest}, nil},
		"the right digest, as JSON":                  {[]string{"application/json"}, []string{sampleDigest}, nil},
		"the right digest, as bytes":                 {[]string{"application/octet-stream"}, []string{sampleDigest}, nil},
		"the right digest, as text":                  {[]string{"text/plain; charset=utf-8"}, []string{sampleDigest}, nil},
		"the right digest, as another kind of image": {[]string{"application/vnd.docker.distribution.manifest.v2+json"}, []string{sampleDigest}, nil},
		"the right digest, as an index":              {[]string{ociIndex}, []string{sampleDigest}, leioci.ErrUnsupportedManifest},
		"the right digest, as a list":                {[]string{"application/vnd.docker.distribution.manifest.list.v2+json"}, []string{sampleDigest}, leioci.ErrUnsupportedManifest},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			c, repo := newClient(t), repository(t, reg)
			pushSample(t, c, repo, "good")
			reg.On("", "/manifests/", leiocitest.Always, saying(raw, map[string][]string{"Content-Type": tc.contentType, "Docker-Content-Digest": tc.digests}))
			m, err := c.PullManifest(t.Context(), repo.Tag("latest"))
			if !errors.Is(err, tc.want) || err == nil && (m.Descriptor.Digest.String() != sampleDigest || m.Descriptor.Size != 931 || m.Descriptor.MediaType != ociManifest) {
				t.Errorf("PullManifest: got %+v, %v, want %v", m, err, tc.want)
			}
			res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), filepath.Join(t.TempDir(), "lei"))
			if !errors.Is(err, tc.want) || err == nil && res.Ref.DigestStr() != sampleDigest {
				t.Errorf("PullSnapshot: got %+v, %v, want %v", res, err, tc.want)
			}
			if tc.want == leioci.ErrVerification { // for a digest, the bytes decide
				tc.want = nil
			}
			if m, err = c.PullManifest(t.Context(), repo.Digest(sampleDigest)); !errors.Is(err, tc.want) || err == nil && m.Descriptor.Digest.String() != sampleDigest {
				t.Errorf("by digest: got %+v, %v, want %v", m, err, tc.want)
			}
		})
	}
}

func TestAManifestWithoutAnyMediaTypeIsReadByItsShape(t *testing.T) {
	bare := strings.Replace(string(readFile(t, sampleDir, "oci-manifest.json")), `"mediaType": "`+ociManifest+`",`, "", 1)
	for contentType, want := range map[string]error{
		"application/json": nil, "application/octet-stream": nil, "text/plain": nil, "binary/octet-stream": nil,
		"text/html": leioci.ErrUnsupportedManifest, signed: leioci.ErrUnsupportedManifest,
	} {
		reg, _ := serveManifest(t, contentType, bare)
		m, err := newClient(t).PullManifest(t.Context(), repository(t, reg).Tag("latest"))
		if !errors.Is(err, want) || err == nil && m.Manifest.MediaType != ociManifest {
			t.Errorf("%s: got %+v, %v, want %v", contentType, m, err, want)
		}
	}
}

func TestAMirrorCannotPassOtherContentOffAsTheOriginsDigest(t *testing.T) {
	origin, mirror := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	repo, at := repository(t, origin), repository(t, mirror)
	good := pushSample(t, newClient(t), repo, "latest")
	pushSnapshot(t, newClient(t), mirror, leiocitest.WriteSnapshot(t, tuesday, `{"data":{"repo":"https://example.org/evil"}}`), "latest")
	lie := mirror.On("", "/manifests/latest", leiocitest.Always, leiocitest.Header("Docker-Content-Digest", good.DigestStr()))
	mirror.On("", "/manifests/latest", leiocitest.Always, leiocitest.Header("Content-Type", signed))
	dir := filepath.Join(t.TempDir(), "lei")
	res, err := newClient(t, leioci.WithMirrors(leioci.Mirror{Of: repo, At: at})).PullSnapshot(t.Context(), repo.Tag("latest"), dir)
	if err != nil || res.Ref != good || res.Source != repo || lie.Hits() == 0 {
		t.Fatalf("got %+v, %v", res, err)
	}
	assertSame(t, sampleDir, dir, "manifest.json", "cache.jsonl.gz")
}

func TestAHeadIsTrustedOnlyToSayThatNothingHasChanged(t *testing.T) {
	zeros := "sha256:" + strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		headers map[string][]string
		gets    int // of the manifest
	}{
		"the held digest":                {map[string][]string{"Content-Type": {ociManifest}, "Docker-Content-Digest": {sampleDigest}}, 0},
		"the held digest, as JSON":       {map[string][]string{"Content-Type": {"application/json"}, "Docker-Content-Digest": {sampleDigest}}, 0},
		"the held digest, without type":  {map[string][]string{"Content-Type": nil, "Docker-Content-Digest": {sampleDigest}}, 0},
		"the held digest, as an index":   {map[string][]string{"Content-Type": {ociIndex}, "Docker-Content-Digest": {sampleDigest}}, 1},
		"the held digest, as a page":     {map[string][]string{"Content-Type": {"text/html"}, "Docker-Content-Digest": {sampleDigest}}, 1},
		"the held digest and another":    {map[string][]string{"Content-Type": {ociManifest}, "Docker-Content-Digest": {sampleDigest, zeros}}, 1},
		"another digest":                 {map[string][]string{"Content-Type": {ociManifest}, "Docker-Content-Digest": {zeros}}, 1},
		"another algorithm":              {map[string][]string{"Content-Type": {ociManifest}, "Docker-Content-Digest": {"sha512:" + strings.Repeat("0", 128)}}, 1},
		"a digest that is too short":     {map[string][]string{"Content-Type": {ociManifest}, "Docker-Content-Digest": {"sha256:00"}}, 1},
		"a page for people, no digest":   {map[string][]string{"Content-Type": {"text/html"}}, 1},
		"a type and no digest":           {map[string][]string{"Content-Type": {ociManifest}}, 1},
		"a digest with spaces around it": {map[string][]string{"Content-Type": {ociManifest}, "Docker-Content-Digest": {" " + sampleDigest + " "}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			c, repo, dir := newClient(t), repository(t, reg), filepath.Join(t.TempDir(), "lei")
			pushSample(t, c, repo, "latest")
			_, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
			must(t, err)
			before := requestCount(reg, "GET /v2/org/lei-cache/manifests/")
			tc.headers["Content-Length"] = []string{"931"}
			head := reg.On(http.MethodHead, "/manifests/", leiocitest.Always, saying("", tc.headers))
			res, err := c.PullSnapshot(t.Context(), repo.Tag("latest"), dir)
			if err != nil || !res.UpToDate || res.Ref.DigestStr() != sampleDigest || head.Hits() != 1 {
				t.Errorf("got %+v, %v", res, err)
			}
			if gets := requestCount(reg, "GET /v2/org/lei-cache/manifests/") - before; gets != tc.gets {
				t.Errorf("the manifest was fetched %d times, want %d", gets, tc.gets)
			}
		})
	}
}

func TestAPullBySHA512NamesWhatWasAskedFor(t *testing.T) {
	raw := readFile(t, sampleDir, "oci-manifest.json")
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "latest")
	reg.On(http.MethodGet, "/manifests/sha512:", leiocitest.Always, saying(string(raw), map[string][]string{
		"Content-Type": {ociManifest}, "Docker-Content-Digest": {sampleDigest},
	}))
	ref := repo.Digest(fmt.Sprintf("sha512:%x", sha512.Sum512(raw)))
	dir := filepath.Join(t.TempDir(), "lei")
	for _, upToDate := range []bool{false, true} {
		res, err := c.PullSnapshot(t.Context(), ref, dir)
		if err != nil || res.Ref != ref || res.UpToDate != upToDate {
			t.Errorf("got %+v, %v", res, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		t.Error(err)
	}
}
