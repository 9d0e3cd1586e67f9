package leioci_test

import (
	"errors"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestACopyPutsManifestsAgainThatTheDestinationOnlyLists(t *testing.T) {
	for name, lost := range map[string]func(attachedWorld) v1.Descriptor{
		"a referrer":          func(w attachedWorld) v1.Descriptor { return w.signature },
		"a child of an index": func(w attachedWorld) v1.Descriptor { return w.child },
	} {
		c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
		src, dst := repository(t, from), repository(t, to)
		w := newAttachedWorld(t, src)
		_, err := c.Copy(t.Context(), locate(t, src, ":2026-02-08"), locate(t, dst, ""))
		must(t, err)
		must(t, remote.Delete(dst.Digest(lost(w).Digest.String())))
		_, err = c.Copy(t.Context(), locate(t, src, ":2026-02-08"), locate(t, dst, ""))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.in(t, c, dst)
	}
}

// TestATaggedReferrerIsListedWhereItOnlyIs copies one by its own tag, which comes before that of its
// subject, to a destination that has all manifests and no list of them.
func TestATaggedReferrerIsListedWhereItOnlyIs(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	root := putImage(t, src, "v1", "root", nil)
	referrer := putImage(t, src, "attestation", "referrer", &root)
	putImage(t, dst, "v1", "root", nil)
	putImage(t, dst, "attestation", "referrer", &root)
	must(t, remote.Delete(dst.Tag(cosignTag(root, ""))))
	if list := lists(t, c, dst, root.Digest); len(list) != 0 {
		t.Fatalf("listed are %v", list)
	}
	_, err := c.Copy(t.Context(), locate(t, src, ""), locate(t, dst, ""), leioci.AllTags())
	must(t, err)
	if list := lists(t, c, dst, root.Digest); !list[referrer.Digest] {
		t.Errorf("listed are %v", list)
	}
	before := len(to.Requests())
	_, err = c.Copy(t.Context(), locate(t, src, ""), locate(t, dst, ""), leioci.AllTags())
	must(t, err)
	if n := requests(to, before, "PUT", ""); n != 0 {
		t.Errorf("%d manifests were put again", n)
	}
}

func TestNoOverwriteHoldsForSignaturesThatCannotBeLookedAt(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"500": leiocitest.Status(500, "UNKNOWN"), "403": leiocitest.Status(403, "DENIED"),
		"something else": leiocitest.Body(func([]byte) []byte { return []byte("<html>") }),
	} {
		c := newClient(t, leioci.WithRetry(leioci.RetryPolicy{Attempts: 1}))
		from, to := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
		src, dst := repository(t, from), repository(t, to)
		root := putImage(t, src, "v1", "root", nil)
		putImage(t, src, cosignTag(root, ".sig"), "signed", nil)
		there := putImage(t, dst, cosignTag(root, ".sig"), "signed by others", nil)
		look := to.On("GET", "/manifests/sha256-", leiocitest.Always, fault)
		if _, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""), leioci.NoOverwrite()); err == nil {
			t.Errorf("%s: no error", name)
		}
		look.Stop()
		holds(t, dst, cosignTag(root, ".sig"), there)
	}
}

func TestASignatureThatTheDestinationAloneHasIsNotReplacedUnsaid(t *testing.T) {
	publisher, site := newSigner(t), newSigner(t)
	img := packageSample(t)
	src, dst := newSignedWorld(t, img, true), newSignedWorld(t, img, true)
	upstream, countersigned := publisher.simple(src.digest), site.simple(src.digest) // of one payload
	for name, tc := range map[string]struct {
		source, destination []blob
		says                bool
	}{
		"the same":             {[]blob{upstream}, []blob{upstream}, false},
		"one more at the site": {[]blob{upstream}, []blob{upstream, countersigned}, true},
		"one more upstream":    {[]blob{upstream, countersigned}, []blob{upstream}, false},
		"another":              {[]blob{upstream}, []blob{countersigned}, true},
	} {
		src.signature(tc.source...)
		dst.signature(tc.destination...)
		held, err := remote.Get(dst.repo.Tag(sigTag(dst.digest)))
		must(t, err)
		var log testenv.LogBuffer
		_, err = newClient(t, debugLog(&log)).Copy(t.Context(), locate(t, src.repo, ""), locate(t, dst.repo, ""))
		must(t, err)
		if says := strings.Contains(log.String(), "holds "+held.Digest.String()+", which has what"); says != tc.says {
			t.Errorf("%s: logged %q", name, log.String())
		}
	}
}

func TestACacheOfABuildIsCopied(t *testing.T) {
	c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
	src, dst := repository(t, from), repository(t, to)
	layer := putBlob(t, src, "a layer", types.OCILayer)
	config := putBlob(t, src, "{}", "application/vnd.buildkit.cacheconfig.v0")
	cache := putRaw(t, src, "cache", v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{layer, config}})
	layout := parseLocation(t, "oci-layout:"+filepath.Join(t.TempDir(), "lei"))
	_, err := c.Copy(t.Context(), locate(t, src, ":cache"), layout)
	must(t, err)
	_, err = c.Copy(t.Context(), layout, locate(t, dst, ""))
	must(t, err)
	holds(t, dst, "cache", cache)
	for _, d := range []v1.Descriptor{layer, config} {
		rc, err := c.PullBlob(t.Context(), dst.Digest(d.Digest.String()))
		if err != nil {
			t.Errorf("%s: %v", d.MediaType, err)
			continue
		}
		must(t, rc.Close())
	}
}

func TestAMountThatDidNotHappenIsNotBelieved(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	src, dst := repository(t, reg), inRegistry(t, reg, "other/lei")
	root := putImage(t, src, "v1", "root", nil)
	var mu sync.Mutex
	there := map[string]bool{} // blobs that were sent
	reg.On("POST", "/other/lei/blobs/uploads/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mount := r.URL.Query().Get("mount")
		if mount == "" {
			registry.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Location", "/v2/other/lei/blobs/"+mount)
		w.WriteHeader(http.StatusCreated)
	})
	reg.On("PUT", "/other/lei/blobs/uploads/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		there[r.URL.Query().Get("digest")] = true
		mu.Unlock()
		registry.ServeHTTP(w, r)
	})
	reg.On("HEAD", "/other/lei/blobs/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		sent := there[path.Base(r.URL.Path)]
		mu.Unlock()
		if !sent {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		registry.ServeHTTP(w, r)
	})
	_, err := newClient(t).Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
	must(t, err)
	mu.Lock()
	if len(there) != 2 {
		t.Errorf("sent were %v", there)
	}
	mu.Unlock()
	holds(t, dst, "v1", root)
}

func TestACopyOfWhatIsNotThereMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	_, err := newClient(t).Copy(t.Context(), parseLocation(t, "oci-layout:testdata/signed/v2:none"), parseLocation(t, "oci-archive:"+dir+"/lei.tar"))
	if !errors.Is(err, leioci.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a directory: %v", err)
	}
}
