package leioci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// inRegistry returns another repository of a registry than [repository] does.
func inRegistry(t testing.TB, reg *leiocitest.Registry, path string) name.Repository {
	t.Helper()
	repo, err := leioci.ParseRepository(reg.Host() + "/" + path)
	must(t, err)
	return repo
}

func basicAuth(user string) authn.Authenticator {
	return &authn.Basic{Username: user, Password: "secret of " + user}
}

func TestAListOfReferrersThatLiesBringsNothing(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	root := putImage(t, src, "v1", "root", nil)
	other := putImage(t, src, "", "it refers to nothing", nil)
	elsewhere := putImage(t, src, "", "it refers to something else", &other)
	gone := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}}
	from.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_ = json.NewEncoder(w).Encode(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{root, other, elsewhere, gone}})
	})
	res, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
	must(t, err)
	if res.Referrers != 0 || res.Manifests != 1 {
		t.Errorf("got %+v", res)
	}
	holds(t, dst, "v1", root)
	if n := requests(to, 0, "PUT", other.Digest.Hex) + requests(to, 0, "PUT", elsewhere.Digest.Hex); n != 0 {
		t.Errorf("%d requests put what is no referrer", n)
	}
	from.On("GET", "/manifests/"+elsewhere.Digest.String(), leiocitest.Always, leiocitest.Body(func(b []byte) []byte { return append(b, ' ') }))
	if _, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ":v2")); !errors.Is(err, leioci.ErrVerification) {
		t.Errorf("content that does not match its digest: %v", err)
	}
}

func TestACopyMergesTheListOfReferrersThatIsThere(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	root := putImage(t, src, "v1", "root", nil)
	putImage(t, dst, "v1", "root", nil)
	there := putImage(t, dst, "", "it was there", &root)
	brought := putImage(t, src, "", "it is brought", &root)
	for range 2 {
		_, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
		must(t, err)
		if list := lists(t, c, dst, root.Digest); len(list) != 2 || !list[there.Digest] || !list[brought.Digest] {
			t.Errorf("listed are %v", list)
		}
	}
}

func TestACopyWithinARegistryMountsItsBlobs(t *testing.T) {
	c, reg := newClient(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, reg), inRegistry(t, reg, "other/lei")
	root := putImage(t, src, "v1", "root", nil)
	mounts := reg.On("POST", "/blobs/uploads/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if from := r.URL.Query().Get("from"); from != src.RepositoryStr() {
			t.Errorf("mounted from %q", from)
		}
		w.Header().Set("Location", "/v2/"+dst.RepositoryStr()+"/blobs/"+r.URL.Query().Get("mount"))
		w.Header().Set("Docker-Content-Digest", r.URL.Query().Get("mount"))
		w.WriteHeader(http.StatusCreated)
	})
	before := len(reg.Requests())
	res, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
	must(t, err)
	if res.BytesCopied != 0 || mounts.Hits() != 2 || requests(reg, before, "GET", "/blobs/") != 0 {
		t.Errorf("%d bytes copied, %d mounts", res.BytesCopied, mounts.Hits())
	}
	mounts.Stop()

	// Where that is refused, they are sent.
	for n, refusal := range []leiocitest.Fault{leiocitest.Status(401, "UNAUTHORIZED"), leiocitest.Status(403, "DENIED"), leiocitest.Status(404, "BLOB_UNKNOWN")} {
		third := inRegistry(t, reg, fmt.Sprintf("third/lei%d", n))
		i := reg.On("POST", third.RepositoryStr()+"/blobs/uploads/", 1, refusal)
		_, err := newClient(t, leioci.WithConcurrency(1)).Copy(t.Context(), locate(t, src, ":v1"), locate(t, third, ":v2"))
		if err != nil || i.Hits() != 1 {
			t.Errorf("after a refusal: %v, %d hits", err, i.Hits())
		}
		holds(t, third, "v2", root)
	}
}

func TestACopyThatWasInterruptedGoesOn(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<15) // half a megabyte
	for _, scheme := range []string{"oci-layout:", "oci-archive:"} {
		c, from := newClient(t), leiocitest.NewRegistry(t)
		src := repository(t, from)
		root := putImage(t, src, "v1", content, nil)
		dst := parseLocation(t, scheme+filepath.Join(t.TempDir(), "lei"))
		large := putBlob(t, src, content, "application/vnd.example.layer")
		cut := from.On("GET", "/blobs/"+large.Digest.String(), 1, leiocitest.Truncate(300_000))
		if _, err := c.Copy(t.Context(), locate(t, src, ":v1"), dst); err == nil || cut.Hits() != 1 {
			t.Fatalf("%s: the first copy: %v", scheme, err)
		}
		if _, err := os.Stat(dst.Path()); scheme == "oci-archive:" && err == nil {
			t.Errorf("%s: it is there already", scheme)
		}
		res, err := c.Copy(t.Context(), locate(t, src, ":v1"), dst)
		must(t, err)
		const kept = 200_000 // or more, of what has come of the one blob, and all of the other if that has come
		if total := large.Size + int64(len(`{"of":""}`)+len(content)); res.Digest != root.Digest || res.BytesCopied > total-kept {
			t.Errorf("%s: the second copy read %d bytes", scheme, res.BytesCopied)
		}
	}
}

func TestASourceThatStallsDoesNotEndTheUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(newer)) // or the snapshot would be of the future
		network := leiocitest.NewNetwork(t)
		from, to := network.Serve(registryHost, leiocitest.NewHandler()), network.Serve(storageHost, leiocitest.NewHandler())
		src, dst := repository(t, from), repository(t, to)
		// One blob after the other: the registry in memory takes one at a time, and who waits for its
		// mutex keeps the clock of a bubble from moving.
		c := newClient(t, leioci.WithTransport(network.Transport()), leioci.WithConcurrency(1), leioci.WithStallTimeout(10*time.Second),
			leioci.WithRetry(leioci.RetryPolicy{Attempts: 3, MinDelay: 15 * time.Second, MaxDelay: 30 * time.Second}))
		dir := leiocitest.WriteSnapshot(t, newer, `{"data":{"repo":"https://example.org/a","noise":"`+noise(1<<19)+`"}}`)
		pushSnapshot(t, c, from, dir, "v1")
		m, err := c.PullManifest(t.Context(), src.Tag("v1"))
		must(t, err)
		large := m.Manifest.Layers[slices.IndexFunc(m.Manifest.Layers, func(d v1.Descriptor) bool { return d.MediaType == leioci.MediaTypeCache })]
		stall := from.On("GET", "/blobs/"+large.Digest.String(), 1, leiocitest.Stall(100_000))
		_, err = c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
		must(t, err)
		got := filepath.Join(t.TempDir(), "lei")
		_, err = c.PullSnapshot(t.Context(), dst.Tag("v1"), got)
		must(t, err)
		assertSame(t, dir, got, "manifest.json", "cache.jsonl.gz")
		if n := requests(to, 0, "PUT", large.Digest.Hex); n != 1 || stall.Hits() != 1 {
			t.Errorf("it was sent %d times, after %d stalls", n, stall.Hits())
		}
	})
}

func TestACopyOntoItselfDoesNoHarm(t *testing.T) {
	c, reg := newClient(t), leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	w := newAttachedWorld(t, repo)
	before := len(reg.Requests())
	_, err := c.Copy(t.Context(), locate(t, repo, ":2026-02-08"), locate(t, repo, ""))
	must(t, err)
	if n := requests(reg, before, "PUT", "") + requests(reg, before, "POST", ""); n != 0 {
		t.Errorf("%d requests changed something", n)
	}
	w.in(t, c, repo)

	dir := t.TempDir()
	must(t, os.Symlink("lei", filepath.Join(dir, "link")))
	must(t, os.Symlink("lei.tar", filepath.Join(dir, "link.tar")))
	for _, name := range []string{"oci-layout:" + filepath.Join(dir, "lei"), "oci-archive:" + filepath.Join(dir, "lei.tar")} {
		to := parseLocation(t, name)
		link := parseLocation(t, strings.Replace(name, string(filepath.Separator)+"lei", string(filepath.Separator)+"link", 1))
		_, err := c.Copy(t.Context(), locate(t, repo, ":2026-02-08"), to)
		must(t, err)
		for _, pair := range [][2]leioci.Location{{to, to}, {to, link}, {link, to}} {
			res, err := c.Copy(t.Context(), pair[0], pair[1])
			if err != nil || res.Digest != w.index.Digest || res.BytesCopied != 0 {
				t.Errorf("%s to %s: %+v, %v", pair[0], pair[1], res, err)
			}
		}
	}
}

func TestAMirrorThatIsCopiedToIsNotReadFrom(t *testing.T) {
	from, to := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	c := newClient(t, leioci.WithMirrors(leioci.Mirror{Of: src, At: dst}))
	putImage(t, dst, "latest", "old", nil)
	newer := putImage(t, src, "latest", "new", nil)
	_, err := c.Copy(t.Context(), locate(t, src, ""), locate(t, dst, ""))
	must(t, err)
	holds(t, dst, "latest", newer)
}

func TestEachSideOfACopyIsShownItsOwnCredentials(t *testing.T) {
	guarded := func(name string) *leiocitest.Registry {
		inner := leiocitest.NewHandler()
		return leiocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, ok := r.BasicAuth()
			if ok && (user != name || password != "secret of "+name) {
				t.Errorf("%s was shown %s", name, user)
			}
			if !ok {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			inner.ServeHTTP(w, r)
		}))
	}
	from, to := guarded("from"), guarded("to")
	src, dst := repository(t, from), repository(t, to)
	c := newClient(t, leioci.WithAuth(from.Host(), basicAuth("from")), leioci.WithAuth(to.Host(), basicAuth("to")))
	digest := pushSample(t, c, src, "2026-02-08")
	res, err := c.Copy(t.Context(), locate(t, src, ":2026-02-08"), locate(t, dst, ""))
	if err != nil || res.Digest.String() != digest.DigestStr() {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestACopyOfABlobThatIsWrongOrGoneTagsNothing(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{"wrong": leiocitest.Corrupt(0), "gone": leiocitest.Status(404, "BLOB_UNKNOWN")} {
		c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
		src, dst := repository(t, from), repository(t, to)
		putImage(t, src, "v1", "root", nil)
		from.On("GET", "/blobs/", leiocitest.Always, fault)
		want := map[string]error{"wrong": leioci.ErrVerification, "gone": leioci.ErrNotFound}[name]
		layout := parseLocation(t, "oci-layout:"+filepath.Join(t.TempDir(), "lei"))
		for _, to := range []leioci.Location{locate(t, dst, ""), layout} {
			if _, err := c.Copy(t.Context(), locate(t, src, ":v1"), to); !errors.Is(err, want) {
				t.Errorf("%s, to %s: got %v", name, to, err)
			}
		}
		if n := requests(to, 0, "PUT", "/manifests/"); n != 0 {
			t.Errorf("%s: %d manifests were put", name, n)
		}
		if _, err := c.Copy(t.Context(), layout, locate(t, dst, "")); err == nil {
			t.Errorf("%s: there is something in the layout", name)
		}
	}
}

func TestACopyPutsBlobsThatTheRegistryHasLost(t *testing.T) {
	c, from, to := newClient(t, leioci.WithRetry(leioci.RetryPolicy{Attempts: 3})), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	root := putImage(t, src, "v1", "root", nil)
	pretends := to.On("POST", "/blobs/uploads/", 2, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Docker-Content-Digest", r.URL.Query().Get("mount"))
		w.WriteHeader(http.StatusCreated)
	})
	to.On("PUT", "/manifests/", 1, leiocitest.Status(404, "MANIFEST_BLOB_UNKNOWN"))
	_, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
	must(t, err)
	if pretends.Hits() != 2 {
		t.Errorf("%d hits", pretends.Hits())
	}
	holds(t, dst, "v1", root)
}

func TestACopyOfAnIndexThatListsItselfOrBlobsEnds(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	inner := putImage(t, src, "", "inner", nil)
	layer := putBlob(t, src, "a layer in an index", types.OCILayer)
	nested := inner
	for range 3 {
		nested = putRaw(t, src, "nested", v1.IndexManifest{
			SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{nested, inner, layer, nested},
		})
	}
	res, err := c.Copy(t.Context(), locate(t, src, ":nested"), locate(t, dst, ""))
	must(t, err)
	if res.Manifests != 4 {
		t.Errorf("got %+v", res)
	}
	holds(t, dst, "nested", nested)
	holds(t, dst, inner.Digest.String(), inner)
	for range 10 {
		nested = putRaw(t, src, "deep", v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{nested}})
	}
	if _, err := c.Copy(t.Context(), locate(t, src, ":deep"), locate(t, dst, "")); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
