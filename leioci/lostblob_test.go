package leioci_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A collector is a registry whose garbage collection removes blobs that no manifest names: all of
// them, the first times that a manifest is put.
type collector struct {
	mu      sync.Mutex
	times   int
	store   http.Handler
	respond leiocitest.Fault
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && c.times > 0 {
		c.times--
		c.store = leiocitest.NewHandler()
		c.respond(w, r, c.store)
		return
	}
	c.store.ServeHTTP(w, r)
}

func TestBlobsThatVanishBeforeTheManifestArePushedAgain(t *testing.T) {
	text := func(status int, code, message string) leiocitest.Fault {
		return respond(status, "application/json", fmt.Sprintf(`{"errors":[{"code":%q,"message":%q}]}`, code, message))
	}
	for name, fault := range map[string]leiocitest.Fault{
		"MANIFEST_BLOB_UNKNOWN": leiocitest.Status(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN"),
		"the same with 400":     leiocitest.Status(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN"),
		"BLOB_UNKNOWN":          leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"),
		"MANIFEST_INVALID":      text(http.StatusBadRequest, "MANIFEST_INVALID", "blob unknown to registry"),
		"other words":           text(http.StatusBadRequest, "MANIFEST_INVALID", "a reference could not be resolved"),
		"404 without a code":    leiocitest.Status(http.StatusNotFound, ""),
		"422 without a code":    leiocitest.Status(http.StatusUnprocessableEntity, ""),
	} {
		for times, want := range map[int]bool{1: true, 2: true, 1000: false} {
			reg := leiocitest.Serve(t, &collector{times: times, store: leiocitest.NewHandler(), respond: fault})
			manifest, blobs := sample(t)
			repo := repository(t, reg)
			_, err := newClient(t, fast()).Push(t.Context(), repo, []string{"2026-02-08", "latest"}, manifest, blobs)
			var response *transport.Error
			if (err == nil) != want || !want && !errors.As(err, &response) {
				t.Errorf("%s, %d times: got %v", name, times, err)
			}
			if puts := requestCount(reg, "PUT /v2/org/lei-cache/manifests/2026-02-08"); puts != min(times+1, 5) {
				t.Errorf("%s, %d times: the manifest was put %d times", name, times, puts)
			}
			if !want {
				continue
			}
			if _, err := newClient(t).PullSnapshot(t.Context(), repo.Tag("latest"), t.TempDir()); err != nil {
				t.Errorf("%s, %d times: %v", name, times, err)
			}
		}
	}
}

func TestABlobThatIsThereWhenLookedForAgainNeedsNoSecondUpload(t *testing.T) {
	// Distribution 2.8 does not see a blob while another upload of it is being finished.
	reg := leiocitest.NewRegistry(t)
	fault := reg.On(http.MethodPut, "/manifests/", 1, leiocitest.Status(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN"))
	pushSample(t, newClient(t, fast()), repository(t, reg), "2026-02-08", "latest")
	if posts := requestCount(reg, "POST "); posts != 3 || fault.Hits() != 1 {
		t.Errorf("%d uploads, %d hits", posts, fault.Hits())
	}
}

func TestAManifestThatIsRefusedForGoodIsPutOnce(t *testing.T) {
	for _, status := range []int{400, 403, 404, 405, 409, 413, 415, 422} {
		reg := leiocitest.NewRegistry(t)
		fault := reg.On(http.MethodPut, "/manifests/", leiocitest.Always, leiocitest.Status(status, "MANIFEST_INVALID"))
		manifest, blobs := sample(t)
		_, err := newClient(t, fast()).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
		var push *leioci.PushError
		if !errors.As(err, &push) || push.Failed[0].Unknown || fault.Hits() != 1 {
			t.Errorf("%d: got %v after %d tries", status, err, fault.Hits())
		}
	}
}

func TestTheBlobsThatCannotBeRestoredAreTheReason(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On(http.MethodPut, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		reg.On(http.MethodHead, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusNotFound, ""))
		reg.On(http.MethodPost, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
		leiocitest.Status(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")(w, r, nil)
	})
	manifest, blobs := sample(t)
	_, err := newClient(t, fast()).Push(t.Context(), repository(t, reg), []string{"latest"}, manifest, blobs)
	if !errors.Is(err, leioci.ErrDenied) || !strings.Contains(err.Error(), "open an upload") {
		t.Errorf("got %v", err)
	}
}

func TestAnUploadSessionThatIsGoneIsOpenedAnew(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"BLOB_UPLOAD_UNKNOWN": leiocitest.Status(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"),
		"404 without a code":  leiocitest.Status(http.StatusNotFound, ""),
	} {
		reg := leiocitest.NewRegistry(t)
		hit := reg.On(http.MethodPut, "/blobs/uploads/", 1, fault)
		pushSample(t, newClient(t, fast()), repository(t, reg), "latest")
		if posts := requestCount(reg, "POST "); posts != 4 || hit.Hits() != 1 {
			t.Errorf("%s: %d uploads, %d hits", name, posts, hit.Hits())
		}
	}
}

func TestARefusedBlobIsNotTakenForAnImmutableTag(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	pushBytes(t, newClient(t), reg, []byte("other content")) // as latest
	reg.On(http.MethodPut, "/manifests/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		reg.On(http.MethodHead, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
		leiocitest.Status(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")(w, r, nil)
	})
	manifest, blobs := sample(t)
	_, err := newClient(t, fast()).Push(t.Context(), repo, []string{"latest"}, manifest, blobs)
	if !errors.Is(err, leioci.ErrDenied) || strings.Contains(err.Error(), "overwritten") {
		t.Errorf("got %v", err)
	}
}
