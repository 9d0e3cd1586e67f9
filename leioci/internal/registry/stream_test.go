package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// known is a hash function for content whose digest is known at once.
func (l *layer) known(t *testing.T) func(context.Context) (v1.Hash, error) {
	digest := l.digest(t)
	return func(context.Context) (v1.Hash, error) { return digest, nil }
}

// cutAfter reads some of a request, and closes the connection.
func cutAfter(n int64) leiocitest.Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.CopyN(io.Discard, r.Body, n)
		panic(http.ErrAbortHandler)
	}
}

// answering answers as the registry does, with another status.
func answering(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&statusWriter{w, status}, r)
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(int) { w.ResponseWriter.WriteHeader(w.status) }

func TestABlobIsSentWhileItIsHashed(t *testing.T) {
	const once, twice = 1, 2 // how often an upload is opened
	for name, tc := range map[string]struct {
		method string // of the request that has a fault
		times  int
		fault  leiocitest.Fault
		opened int
	}{
		"by a registry that knows it":               {"", 0, nil, once},
		"the opening fails once":                    {http.MethodPost, 1, leiocitest.Status(http.StatusBadGateway, ""), twice},
		"it is not found":                           {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusNotFound, ""), twice},
		"it is no method":                           {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusMethodNotAllowed, "UNSUPPORTED"), twice},
		"it is forbidden":                           {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusForbidden, ""), twice},
		"it is too large":                           {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusRequestEntityTooLarge, ""), twice},
		"it is invalid":                             {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusBadRequest, "BLOB_UPLOAD_INVALID"), twice},
		"it has no range":                           {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, ""), twice},
		"it is not implemented":                     {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusNotImplemented, ""), twice},
		"it makes the registry fail":                {http.MethodPatch, leiocitest.Always, leiocitest.Status(http.StatusInternalServerError, ""), twice},
		"the connection is closed":                  {http.MethodPatch, leiocitest.Always, leiocitest.Cut(), twice},
		"the connection is closed half-way":         {http.MethodPatch, leiocitest.Always, cutAfter(50_000), twice},
		"the response is lost":                      {http.MethodPatch, 1, lost, twice},
		"the response is another success":           {http.MethodPatch, 1, answering(http.StatusNoContent), once},
		"the response has no Location":              {http.MethodPatch, 1, leiocitest.Location(func(string) string { return "" }), twice},
		"the response has a Location with a query":  {http.MethodPatch, 1, leiocitest.Location(func(s string) string { return s + "?_state=a%2Fb&digest=x" }), once},
		"the response has a URL":                    {http.MethodPatch, 1, leiocitest.Location(func(s string) string { return "http://main.localhost" + s }), once},
		"the response has an unsafe Location":       {http.MethodPatch, 1, leiocitest.Location(func(s string) string { return "http://user:secret@main.localhost" + s }), twice},
		"the response has another place":            {http.MethodPatch, 1, leiocitest.Location(func(string) string { return "/v2/org/cache/blobs/uploads/none" }), twice},
		"the response lies about the range":         {http.MethodPatch, 1, leiocitest.Header("Range", "0-17"), once},
		"the end is invalid":                        {http.MethodPut, 1, leiocitest.Status(http.StatusBadRequest, "DIGEST_INVALID"), twice},
		"the end is unknown":                        {http.MethodPut, 1, leiocitest.Status(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"), twice},
		"the end makes the registry fail":           {http.MethodPut, 1, leiocitest.Status(http.StatusInternalServerError, ""), twice},
		"the end is lost":                           {http.MethodPut, 1, lost, once},
		"the end is another success":                {http.MethodPut, 1, answering(http.StatusNoContent), once},
		"the end is a success of something else":    {http.MethodPut, 1, leiocitest.Header("Docker-Content-Digest", sampleDigest), once},
		"the end is a success, but nothing is kept": {http.MethodPut, 1, leiocitest.Status(http.StatusAccepted, ""), twice},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			handler := sampleHandler(t)
			reg := w.network.Serve("main.localhost", handler)
			d := w.client().Destination(repository(t, "main.localhost"))
			var fault *leiocitest.Injection
			if tc.fault != nil {
				fault = reg.On(tc.method, "/blobs/", tc.times, tc.fault)
			}
			blob := newLayer(strings.Repeat("new", 50_000))
			digest, sent, err := d.Stream(t.Context(), blob, blob.known(t))
			must(t, err)
			if digest != blob.digest(t) || !sent && name != "the end is lost" {
				t.Errorf("got %s, sent: %v", digest, sent)
			}
			if n := asked(reg, "POST "+uploads); n != tc.opened || fault != nil && fault.Hits() == 0 {
				t.Errorf("%d uploads were opened, want %d:\n%s", n, tc.opened, strings.Join(reg.Requests(), "\n"))
			}
			if tc.fault == nil && len(reg.Requests()) != 1+3 { // and the handshake
				t.Errorf("the registry was asked\n%s", strings.Join(reg.Requests(), "\n"))
			}
			if stored := say(t, handler, "GET", "/v2/org/cache/blobs/"+digest.String(), "", ""); stored != blob.content {
				t.Errorf("the registry has %d bytes", len(stored))
			}
			if strings.Contains(w.log.String(), "secret") {
				t.Errorf("the log shows a secret: %s", &w.log)
			}
		})
	}
}

func TestABlobThatCannotBeSentEndsTheStream(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		method string
		fault  leiocitest.Fault
		edit   func(*registry.Config)
		hashed error
		most   int // how many uploads may be opened
	}{
		"denied":                        {http.MethodPost, leiocitest.Status(http.StatusForbidden, "DENIED"), func(*registry.Config) {}, nil, 1},
		"denied at the end":             {http.MethodPut, leiocitest.Status(http.StatusForbidden, "DENIED"), func(*registry.Config) {}, nil, 2},
		"of another digest":             {http.MethodPut, leiocitest.Status(http.StatusBadRequest, "DIGEST_INVALID"), func(*registry.Config) {}, nil, 2},
		"with one try":                  {http.MethodPatch, leiocitest.Status(http.StatusInternalServerError, ""), once, nil, 1},
		"with one try, limited":         {http.MethodPatch, leiocitest.Status(http.StatusTooManyRequests, ""), once, nil, 1},
		"without digest":                {"", nil, func(*registry.Config) {}, broken, 1},
		"without digest, while sending": {http.MethodPatch, leiocitest.Hang(nil), func(*registry.Config) {}, broken, 1},
		"without digest, after a fault": {http.MethodPatch, leiocitest.Cut(), func(*registry.Config) {}, broken, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			if tc.fault != nil {
				reg.On(tc.method, "/blobs/uploads/", leiocitest.Always, tc.fault)
			}
			blob := newLayer("new")
			_, sent, err := w.client(tc.edit).Destination(repo).Stream(t.Context(), blob, func(context.Context) (v1.Hash, error) {
				return blob.digest(t), tc.hashed
			})
			if err == nil || sent && tc.hashed != nil || tc.hashed != nil && !errors.Is(err, tc.hashed) {
				t.Errorf("got %v, sent: %v", err, sent)
			}
			if n := asked(reg, "POST "); n > tc.most {
				t.Errorf("%d uploads were opened", n)
			}
			if n := asked(reg, "PUT "); tc.hashed != nil && n > 0 {
				t.Errorf("an upload without a digest was finished")
			}
		})
	}
}

// changing is content that is cut short while it is sent, and cannot be opened afterwards.
type changing struct {
	*layer
	err error
}

func (c changing) Compressed() (io.ReadCloser, error) {
	if c.opened.Add(1) > 1 {
		return nil, c.err
	}
	return io.NopCloser(strings.NewReader(c.content[:len(c.content)/2])), nil
}

func TestContentThatChangedWhileItWasSentIsItsError(t *testing.T) {
	for name, edit := range map[string]func(*registry.Config){"one try": once, "two": func(*registry.Config) {}} {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		blob := changing{newLayer(strings.Repeat("new", 50_000)), errors.New("changed")}
		_, _, err := w.client(edit).Destination(repo).Stream(t.Context(), blob, blob.known(t))
		if !errors.Is(err, blob.err) || asked(reg, "PUT ") > 0 {
			t.Errorf("%s: got %v, and the registry was asked %q", name, err, reg.Requests())
		}
	}
}

func TestARateLimitIsObeyedBetweenTheTwoWaysToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		reg.On(http.MethodPatch, "", 1, leiocitest.RetryAfter(http.StatusTooManyRequests, "7"))
		blob, begin := newLayer("new"), time.Now()
		limit := func(c *registry.Config) { c.Retry.MaxRetryAfter = time.Minute }
		_, _, err := w.client(limit).Destination(repo).Stream(t.Context(), blob, blob.known(t))
		must(t, err)
		if took := time.Since(begin); took < 7*time.Second || took > 8*time.Second {
			t.Errorf("it took %v", took)
		}
		reg.On(http.MethodPatch, "", 1, leiocitest.RetryAfter(http.StatusTooManyRequests, "61"))
		other := newLayer("other")
		_, _, err = w.client(limit).Destination(repo).Stream(t.Context(), other, other.known(t))
		if after, ok := registry.RateLimited(err); !ok || after != 61*time.Second {
			t.Errorf("got %v", err)
		}
	})
}

func TestAStreamGoesToOtherServersAsAnUploadDoes(t *testing.T) {
	w := newWorld(t)
	handler := sampleHandler(t)
	main, storage := w.network.Serve("main.localhost", handler), w.network.Serve("storage.localhost", handler)
	main.On(http.MethodPost, "", 1, leiocitest.Location(func(s string) string { return "http://storage.localhost" + s + "?_state=a b" }))
	storage.On(http.MethodPatch, "", 1, leiocitest.Location(func(s string) string { return "http://main.localhost" + s }))
	blob := newLayer("new")
	_, _, err := w.client().Destination(repository(t, "main.localhost")).Stream(t.Context(), blob, blob.known(t))
	must(t, err)
	if asked(storage, "PATCH "+uploads) != 1 || asked(main, "PUT "+uploads) != 1 || asked(main, "PATCH ") != 0 {
		t.Errorf("asked %q and %q", main.Requests(), storage.Requests())
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	stop := errors.New("stop")
	for _, phase := range []string{http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodHead, "hash", "wait"} {
		synctest.Test(t, func(t *testing.T) { // which waits for all goroutines
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			ctx, cancel := context.WithCancelCause(t.Context())
			reached := make(chan struct{}, 2)
			go func() { <-reached; cancel(stop) }()
			blob := newLayer(strings.Repeat("0123456789abcdef", registry.StreamFrom/16+1))
			hash, hashed := blob.known(t), phase != "hash"
			switch phase {
			case "hash":
				hash = func(ctx context.Context) (v1.Hash, error) {
					reached <- struct{}{}
					<-ctx.Done()
					time.Sleep(time.Second) // a read that takes so long
					hashed = true
					return v1.Hash{}, context.Cause(ctx)
				}
			case "wait":
				reg.On(http.MethodPatch, "", 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					leiocitest.RetryAfter(http.StatusServiceUnavailable, "30")(w, r, next)
					time.AfterFunc(10*time.Second, func() { reached <- struct{}{} })
				})
			case http.MethodHead:
				reg.On(http.MethodPatch, "", 1, leiocitest.Hang(nil))
				reg.On(phase, "", 1, leiocitest.Hang(reached))
			default:
				reg.On(phase, "", 1, leiocitest.Hang(reached))
			}
			limit := func(c *registry.Config) { c.Retry.MaxRetryAfter = time.Minute }
			_, _, err := w.client(limit).Destination(repo).Stream(ctx, blob, hash)
			if !hashed {
				t.Error("the content is still being hashed")
			}
			if !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v", phase, err)
			}
			var response *transport.Error
			if errors.As(err, &response) && phase != "wait" {
				t.Errorf("%s: got %v", phase, err)
			}
		})
	}
}
