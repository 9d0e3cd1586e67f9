package leioci_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestWhatATagHoldsFailsNoPushIfItCannotBeRead(t *testing.T) {
	index := `{"schemaVersion":2,"mediaType":"` + ociIndex + `","manifests":[]}`
	for name, look := range map[string]leiocitest.Fault{
		"401":                   leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"),
		"403":                   leiocitest.Status(http.StatusForbidden, "DENIED"),
		"404":                   leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"),
		"429":                   leiocitest.RetryAfter(http.StatusTooManyRequests, "3600"),
		"500":                   leiocitest.Status(http.StatusInternalServerError, ""),
		"nothing":               leiocitest.Cut(),
		"a page":                respond(http.StatusOK, "text/html", "<html>log in</html>"),
		"an index":              respond(http.StatusOK, ociIndex, index),
		"an endless body":       leiocitest.Endless(),
		"half a body":           leiocitest.Truncate(100),
		"another digest":        leiocitest.Header("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64)),
		"an index, as it says":  leiocitest.Header("Content-Type", ociIndex),
		"a redirect to itself":  leiocitest.Redirect(http.StatusTemporaryRedirect, "http://"+mainHost),
		"a redirect to nowhere": leiocitest.Redirect(http.StatusTemporaryRedirect, "http://nowhere.localhost"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTripWorld(t)
				must(t, w.push(newer, "2026-02-08"))
				fault := w.reg.On(http.MethodGet, "/manifests/", leiocitest.Always, look)
				w.take()
				start := time.Now()
				patient := w.client(leioci.WithRetry(leioci.RetryPolicy{}))
				_, err := patient.PushSnapshot(t.Context(), w.repo, []string{"2026-02-08"}, w.image(newer))
				if took := time.Since(start); err != nil || took > 0 || fault.Hits() == 0 {
					t.Errorf("got %v after %v", err, took)
				}
				if made := w.take(); made["POST blobs/uploads"] != 3 || made["PUT manifests/2026-02-08"] != 1 {
					t.Errorf("the requests were %v", made)
				}
			})
		})
	}
}

// A registry may have lost blobs of a manifest that it has.
func TestBlobsThatATagListsAreRestoredIfTheyAreMissed(t *testing.T) {
	for name, opts := range map[string][]leioci.PushOption{"": nil, "moving back": {leioci.AllowMoveBack()}} {
		reg := leiocitest.NewRegistry(t)
		c, repo := newClient(t, fast()), repository(t, reg)
		dir := leiocitest.WriteSnapshot(t, monday, report)
		pushSnapshot(t, c, reg, dir, "2026-02-09", "latest")
		img, err := leioci.Package(t.Context(), dir)
		must(t, err)
		layers := must2(img.Layers())
		gone := reg.On("", must2(layers[0].Digest()).String(), leiocitest.Always, leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"))
		unknown := reg.On(http.MethodPut, "/manifests/2026-02-09", 1, leiocitest.Status(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN"))
		before := requestCount(reg, "PUT /v2/org/lei-cache/blobs/")
		if _, err := c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, img, opts...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sent := requestCount(reg, "PUT /v2/org/lei-cache/blobs/") - before
		if gone.Hits() != 1 || unknown.Hits() != 1 || sent != map[string]int{"": 1, "moving back": 4}[name] {
			t.Errorf("%s: %d looks, %d puts, and %d blobs were sent", name, gone.Hits(), unknown.Hits(), sent)
		}
	}
}

func TestATagThatHoldsTheManifestIsMovedEvenIfTheFirstTagFails(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, dir := newClient(t), leiocitest.WriteSnapshot(t, monday)
	pushSnapshot(t, c, reg, dir, "2026-02-09", "latest")
	reg.On(http.MethodPut, "/manifests/2026-02-09", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	reg.On(http.MethodGet, "/manifests/2026-02-09", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	img, err := leioci.Package(t.Context(), dir)
	must(t, err)
	_, err = c.PushSnapshot(t.Context(), repository(t, reg), []string{"2026-02-09", "latest", "weekly"}, img)
	var push *leioci.PushError
	if !errors.As(err, &push) || !slices.Equal(push.Pushed, []string{"latest"}) || len(push.Failed) != 2 {
		t.Errorf("got %v", err)
	}
	if n := requestCount(reg, "PUT /v2/org/lei-cache/manifests/weekly"); n > 0 {
		t.Errorf("weekly was put %d times", n)
	}
}

func TestWhatATagListsIsNotTakenForMoreThanItIs(t *testing.T) {
	manifest, blobs := sample(t)
	subject := `{"subject":{"mediaType":"` + ociManifest + `","digest":"` + sampleDigest + `","size":931},`
	for name, tc := range map[string]struct {
		held, pushed string
		posts, puts  int
	}{
		"a blob of another size":        {strings.Replace(string(manifest), `"size": 62724`, `"size": 1`, 1), string(manifest), 1, 1},
		"a blob that may be elsewhere":  {strings.Replace(string(manifest), string(leioci.MediaTypeCache), string(types.OCIRestrictedLayer), 1), string(manifest), 1, 1},
		"a referrer that is not listed": {"", strings.Replace(string(manifest), "{", subject, 1), 0, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTripWorld(t)
			push := func(m string) {
				_, err := w.client().Push(t.Context(), w.repo, []string{"latest"}, []byte(m), blobs)
				must(t, err)
			}
			push(tc.pushed)
			if tc.held != "" {
				w.reg.On(http.MethodGet, "/manifests/latest", leiocitest.Always, respond(http.StatusOK, ociManifest, tc.held))
			}
			w.take()
			push(tc.pushed)
			if made := w.take(); made["POST blobs/uploads"] != tc.posts || made["PUT manifests/latest"] < tc.puts {
				t.Errorf("%s: the requests were %v", name, made)
			}
		})
	}
}

func TestTheCheckOfATagIsNotBlamedIfTheRegistryCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTripWorld(t)
		w.network.Refuse(mainHost, leiocitest.Always)
		if err := w.push(newer, "latest"); !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "AllowMoveBack") {
			t.Errorf("got %v", err)
		}
	})
}
