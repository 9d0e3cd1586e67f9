package leioci_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestPushKeepsTheOriginalsDigest(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	digest := pushSample(t, c, repo, "2026-02-08", "latest", "weekly")
	if digest.DigestStr() != sampleDigest {
		t.Errorf("got %s, want %s", digest, sampleDigest)
	}
	for _, tag := range []string{"2026-02-08", "latest", "weekly"} {
		m, err := c.PullManifest(t.Context(), repo.Tag(tag))
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Raw) != string(readFile(t, sampleDir, "oci-manifest.json")) {
			t.Errorf("%s: the manifest is not what was pushed", tag)
		}
		if m.Descriptor.MediaType != types.OCIManifestSchema1 || m.Descriptor.Digest.String() != sampleDigest || m.Descriptor.Size != 931 {
			t.Errorf("%s: got descriptor %+v", tag, m.Descriptor)
		}
	}
	tags, err := c.Tags(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(tags)
	if want := []string{"2026-02-08", "latest", "weekly"}; !slices.Equal(tags, want) {
		t.Errorf("got tags %q, want %q", tags, want)
	}
}

func TestPushPutsTheManifestWithItsOwnMediaType(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	var mu sync.Mutex
	var sentAs []string
	reg.On(http.MethodPut, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		sentAs = append(sentAs, r.Header.Get("Content-Type"))
		mu.Unlock()
		registry.ServeHTTP(w, r)
	})
	manifest, blobs := sample(t)
	docker := strings.Replace(string(manifest), string(types.OCIManifestSchema1), string(types.DockerManifestSchema2), 1)
	bare := strings.Replace(string(manifest), `"mediaType": "application/vnd.oci.image.manifest.v1+json",`, "", 1)
	for _, m := range []string{string(manifest), docker, bare} {
		if _, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, []byte(m), blobs); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{string(types.OCIManifestSchema1), string(types.DockerManifestSchema2), string(types.OCIManifestSchema1)}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(sentAs, want) {
		t.Errorf("got %q, want %q", sentAs, want)
	}
}

func TestPushSkipsBlobsThatAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no look is slow: uploads would be begun meanwhile
		network := leiocitest.NewNetwork(t)
		reg := network.Serve("registry.localhost", leiocitest.NewHandler())
		client := func() *leioci.Client {
			return newClient(t, leioci.WithTransport(network.Transport()), leioci.WithPlainHTTP(reg.Host()))
		}
		repo := repository(t, reg)
		pushSample(t, client(), repo, "2026-02-08")
		before := requestCount(reg, "POST ")
		if before != 3 {
			t.Errorf("the first push began %d uploads, want 3", before)
		}
		manifest, blobs := sample(t)
		for _, m := range [][]byte{manifest, append(manifest, '\n')} { // the same, and another with the same blobs
			_, err := client().Push(t.Context(), repo, []string{"2026-02-08", "latest"}, m, blobs)
			must(t, err)
		}
		if after := requestCount(reg, "POST "); after != before {
			t.Errorf("the other pushes began %d uploads, want none", after-before)
		}
	})
}

func TestPushTakesTheFirstTagFirst(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	pushSample(t, newClient(t), repository(t, reg), "2026-02-08", "latest", "weekly")
	var puts []string
	lastBlob := 0
	for i, r := range reg.Requests() {
		if tag, ok := strings.CutPrefix(r, "PUT /v2/org/lei-cache/manifests/"); ok {
			puts = append(puts, tag)
			if len(puts) == 1 && lastBlob > i {
				t.Error("a manifest was put before the blobs")
			}
		} else if strings.HasPrefix(r, "PUT ") {
			lastBlob = i
			if len(puts) > 0 {
				t.Error("a blob was put after a manifest")
			}
		}
	}
	if len(puts) != 3 || puts[0] != "2026-02-08" {
		t.Errorf("tags were put in the order %q", puts)
	}
}

func TestPushRefusesBeforeTheFirstRequest(t *testing.T) {
	manifest, blobs := sample(t)
	tags := []string{"2026-02-08"}
	data := []byte("data")
	lying := liar{static.NewLayer(data, "application/octet-stream")}
	for name, tc := range map[string]struct {
		tags     []string
		manifest string
		blobs    []v1.Layer
		want     error
	}{
		"no tags":                             {nil, string(manifest), blobs, leioci.ErrInvalidReference},
		"an invalid tag":                      {[]string{"2026-02-08", "a b"}, string(manifest), blobs, leioci.ErrInvalidReference},
		"an empty tag":                        {[]string{""}, string(manifest), blobs, leioci.ErrInvalidReference},
		"a tag with a path":                   {[]string{"../x"}, string(manifest), blobs, leioci.ErrInvalidReference},
		"a repeated tag":                      {[]string{"latest", "latest"}, string(manifest), blobs, leioci.ErrInvalidReference},
		"an empty manifest":                   {tags, "", blobs, leioci.ErrUnsupportedManifest},
		"a manifest that is null":             {tags, "null", blobs, leioci.ErrUnsupportedManifest},
		"a manifest in an array":              {tags, "[" + string(manifest) + "]", blobs, leioci.ErrUnsupportedManifest},
		"a manifest and more":                 {tags, string(manifest) + "{}", blobs, leioci.ErrUnsupportedManifest},
		"a manifest without config":           {tags, `{"schemaVersion":2,"layers":[]}`, blobs, leioci.ErrUnsupportedManifest},
		"an index":                            {tags, `{"schemaVersion":2,"manifests":[]}`, blobs, leioci.ErrUnsupportedManifest},
		"a huge manifest":                     {tags, string(manifest) + strings.Repeat(" ", 4<<20), blobs, leioci.ErrTooLarge},
		"a blob with other data":              {tags, string(manifest), append(slices.Clone(blobs), lying), leioci.ErrVerification},
		"a blob twice, first with other data": {tags, string(manifest), append([]v1.Layer{lyingAs{lying, blobs[0]}}, blobs...), leioci.ErrVerification},
		"a blob of another size": {
			tags, strings.Replace(string(manifest), `"size": 62724`, `"size": 62725`, 1), blobs, leioci.ErrVerification,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reg := leiocitest.NewRegistry(t)
			_, err := newClient(t).Push(t.Context(), repository(t, reg), tc.tags, []byte(tc.manifest), tc.blobs)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if asked := reg.Requests(); len(asked) > 0 {
				t.Errorf("the registry was asked %q", asked)
			}
		})
	}
}

// liar is a layer whose digest does not match its data.
type liar struct{ v1.Layer }

func (liar) Digest() (v1.Hash, error) { return v1.NewHash("sha256:" + strings.Repeat("0", 64)) }

// lyingAs is a layer with the digest of another one.
type lyingAs struct {
	v1.Layer
	other v1.Layer
}

func (l lyingAs) Digest() (v1.Hash, error) { return l.other.Digest() }

func TestNewBlobRefusesDataThatHasAnotherDigest(t *testing.T) {
	h, err := v1.NewHash(sampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leioci.NewBlob(h, []byte("other")); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("got %v", err)
	}
}

func TestPushRefusesAManifestThatNamesAMissingBlobBeforeItUploads(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	manifest, blobs := sample(t)
	_, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs[:2])
	if !errors.Is(err, leioci.ErrNotFound) || !strings.Contains(err.Error(), sampleCache) {
		t.Errorf("got %v, want one that names %s", err, sampleCache)
	}
	if n := requestCount(reg, "PUT "); n > 0 {
		t.Errorf("there were %d uploads", n)
	}
}

func TestPushTakesABlobThatIsInTheRepositoryAlready(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, repo := newClient(t), repository(t, reg)
	pushSample(t, c, repo, "2026-02-08")
	manifest, _ := sample(t)
	if _, err := c.Push(t.Context(), repo, []string{"latest"}, manifest, nil); err != nil {
		t.Error(err)
	}
}

func TestPushUploadsWhateverTypeABlobHas(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	manifest, blobs := sample(t)
	// By default, package remote omits such layers.
	foreign := static.NewLayer([]byte("foreign"), types.OCIRestrictedLayer)
	if _, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, append(blobs, foreign)); err != nil {
		t.Fatal(err)
	}
	if n := requestCount(reg, "POST "); n != 4 {
		t.Errorf("%d blobs were uploaded, want 4", n)
	}
}

func TestPushDoesNotMissABlobThatMayNotBeDistributed(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	manifest, blobs := sample(t)
	named := strings.Replace(string(manifest), "application/vnd.lei.cache.jsonl+gzip", string(types.OCIRestrictedLayer), 1)
	if _, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, []byte(named), blobs[:2]); err != nil {
		t.Error(err)
	}
}

func TestPushFailsWhereTheExistenceCheckFails(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusUnauthorized:        leioci.ErrUnauthorized,
		http.StatusForbidden:           leioci.ErrDenied,
		http.StatusInternalServerError: nil,
	} {
		for _, method := range []string{http.MethodPost, http.MethodHead} {
			reg := leiocitest.NewRegistry(t)
			fault := reg.On(method, "/blobs/", leiocitest.Always, leiocitest.Status(status, ""))
			reg.On(http.MethodPost, "/blobs/uploads/", leiocitest.Always, refuseMounts(http.StatusBadRequest, "UNSUPPORTED"))
			manifest, blobs := sample(t)
			_, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
			var answer *transport.Error
			if !errors.As(err, &answer) || answer.StatusCode != status {
				t.Errorf("%s %d: got %v", method, status, err)
			}
			if want != nil && !errors.Is(err, want) {
				t.Errorf("%s %d: got %v, want %v", method, status, err, want)
			}
			if fault.Hits() == 0 || fault.Hits() > 4*len(blobs) || // after a 401, once more in a new session; all of it twice if the look is slow
				requestCount(reg, "PUT ") > 0 {
				t.Errorf("%s %d: %d hits, and the registry was asked %q", method, status, fault.Hits(), reg.Requests())
			}
		}
	}
}

// refuseMounts is a registry that does not know how to mount a blob.
func refuseMounts(status int, code string) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		if r.URL.Query().Has("mount") {
			leiocitest.Status(status, code)(w, r, registry)
			return
		}
		registry.ServeHTTP(w, r)
	}
}
