package leioci_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// immutable refuses to put under a tag that exists, whatever is put.
func immutable(status int, code string) leiocitest.Fault {
	var mu sync.Mutex
	put := map[string]bool{}
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if put[r.URL.Path] {
			leiocitest.Status(status, code)(w, r, registry)
			return
		}
		put[r.URL.Path] = true
		registry.ServeHTTP(w, r)
	}
}

func TestAPushThatFailedHalfWayCanBeRepeatedWhereTagsAreImmutable(t *testing.T) {
	for code, status := range map[string]int{
		"TAG_INVALID": 400, "ImageAlreadyExistsException": 400, "MANIFEST_INVALID": 400, "DENIED": 403, "NOT_ALLOWED": 405, "CONFLICT": 409, "PRECONDITION": 412,
		"": 403, "UNPROCESSABLE": 422, "UNKNOWN": 500,
	} {
		reg := leiocitest.NewRegistry(t)
		c, repo := newClient(t), repository(t, reg)
		down := reg.On(http.MethodPut, "/manifests/latest", leiocitest.Always, leiocitest.Status(http.StatusInternalServerError, ""))
		refused := reg.On(http.MethodPut, "/manifests/2026", leiocitest.Always, immutable(status, code))
		manifest, blobs := sample(t)
		push := func() (string, error) {
			digest, err := c.Push(t.Context(), repo, []string{"2026-02-08", "latest"}, manifest, blobs)
			return digest.DigestStr(), err
		}
		if _, err := push(); err == nil {
			t.Fatal("the first push did not fail")
		}
		down.Stop()
		// What the first tag holds cannot be looked at before it is put, and then it can.
		unseen := reg.On(http.MethodGet, "/manifests/2026", 1, leiocitest.Status(http.StatusServiceUnavailable, ""))
		if digest, err := push(); err != nil || digest != sampleDigest || refused.Hits() != 2 || unseen.Hits() != 1 {
			t.Errorf("%d %s: got %s, %v", status, code, digest, err)
		}
		if digest, err := push(); err != nil || digest != sampleDigest || refused.Hits() != 2 {
			t.Errorf("%d %s: got %s, %v; what holds the manifest was put", status, code, digest, err)
		}
		if m, err := c.PullManifest(t.Context(), repo.Tag("latest")); err != nil || m.Descriptor.Digest.String() != sampleDigest {
			t.Errorf("%d %s: latest is %+v, %v", status, code, m, err)
		}
	}
}

func TestASnapshotIsPushedAgainWhereTagsAreImmutable(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	c, dir := newClient(t), leiocitest.WriteSnapshot(t, monday)
	reg.On(http.MethodPut, "/manifests/", leiocitest.Always, immutable(http.StatusPreconditionFailed, "PRECONDITION"))
	for range 3 {
		pushSnapshot(t, c, reg, dir, "2026-02-09", "latest")
	}
}

func TestAnImmutableTagWithOtherContentIsNotPushed(t *testing.T) {
	for _, status := range []int{400, 403, 405, 409, 412} {
		reg := leiocitest.NewRegistry(t)
		c, repo := newClient(t), repository(t, reg)
		pushSample(t, c, repo, "2026-02-09")
		reg.On(http.MethodPut, "/manifests/2026-02-09", leiocitest.Always, leiocitest.Status(status, "DENIED"))
		// A registry that says that the tag holds what was pushed does not say so of its bytes.
		img, err := leioci.Package(t.Context(), leiocitest.WriteSnapshot(t, monday))
		must(t, err)
		want, err := img.Digest()
		must(t, err)
		reg.On("", "/manifests/2026-02-09", leiocitest.Always, leiocitest.Header("Docker-Content-Digest", want.String()))
		_, err = c.PushSnapshot(t.Context(), repo, []string{"2026-02-09", "latest"}, img)
		var push *leioci.PushError
		if !errors.As(err, &push) || len(push.Pushed) > 0 || push.Failed[0].Unknown || !strings.Contains(err.Error(), sampleDigest) || !strings.Contains(err.Error(), "overwritten") {
			t.Errorf("%d: got %v", status, err)
		}
		if n := requestCount(reg, "PUT /v2/org/lei-cache/manifests/latest"); n > 0 {
			t.Errorf("%d: latest was put %d times", status, n)
		}
	}
}

func TestAPutWhoseResponseWasLostIsFoundToHaveSucceeded(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"the connection breaks": leiocitest.Cut(),
		"a gateway gives up":    leiocitest.Status(http.StatusGatewayTimeout, ""),
		"an error":              leiocitest.Status(http.StatusInternalServerError, ""),
	} {
		reg := leiocitest.NewRegistry(t)
		lost := reg.On(http.MethodPut, "/manifests/latest", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			registry.ServeHTTP(discard{http.Header{}}, r)
			fault(w, r, registry)
		})
		manifest, blobs := sample(t)
		if _, err := newClient(t, fast()).Push(t.Context(), repository(t, reg), []string{"2026-02-08", "latest"}, manifest, blobs); err != nil || lost.Hits() != 5 {
			t.Errorf("%s: got %v after %d tries", name, err, lost.Hits())
		}
	}
}

// discard is a response that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func TestWhatAGatewayDoesNotTellIsUnknown(t *testing.T) {
	for status, unknown := range map[int]bool{500: false, 502: true, 503: false, 504: true, 403: false} {
		reg := leiocitest.NewRegistry(t)
		reg.On(http.MethodPut, "/manifests/latest", leiocitest.Always, leiocitest.Status(status, ""))
		manifest, blobs := sample(t)
		_, err := newClient(t).Push(t.Context(), repository(t, reg), []string{"2026-02-08", "latest"}, manifest, blobs)
		var push *leioci.PushError
		if !errors.As(err, &push) || !slices.Equal(push.Pushed, []string{"2026-02-08"}) || push.Failed[0].Unknown != unknown {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

func TestAContextThatEndsAfterTheLastTagDoesNotFailAPush(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.AddHook(hook(func(e *logrus.Entry) {
		if strings.HasPrefix(e.Message, "tagged ") && strings.HasSuffix(e.Message, ":latest") {
			cancel()
		}
	}))
	reg := leiocitest.NewRegistry(t)
	manifest, blobs := sample(t)
	digest, err := newClient(t, leioci.WithLogger(logger)).Push(ctx, repository(t, reg), []string{"2026-02-08", "latest"}, manifest, blobs)
	if err != nil || digest.DigestStr() != sampleDigest || ctx.Err() == nil {
		t.Errorf("got %v, %v", digest, err)
	}
}
