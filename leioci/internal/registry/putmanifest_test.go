package registry_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// put is a manifest whose blobs are all there.
func put(t *testing.T, raw string) registry.Put {
	return registry.Put{
		Raw: []byte(raw), MediaType: ociManifest, Digest: descriptor(t, raw).Digest,
		Restore: func(context.Context) (bool, error) { return false, nil },
	}
}

func TestAManifestIsPutUnderItsTagByteForByte(t *testing.T) {
	w := newWorld(t)
	handler := sampleHandler(t)
	reg := w.network.Serve("main.localhost", handler)
	var contentType string
	reg.On(http.MethodPut, "/manifests/", 1, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		contentType = r.Header.Get("Content-Type")
		registry.ServeHTTP(w, r)
	})
	raw := " " + sampleManifest + "\n"
	must(t, w.client().Destination(repository(t, "main.localhost")).PutManifest(t.Context(), "v1", put(t, raw)))
	if got := say(t, handler, "GET", "/v2/org/cache/manifests/v1", "", ""); got != raw || contentType != ociManifest {
		t.Errorf("the registry has %q of type %q", got, contentType)
	}
}

func TestItIsUnknownWhetherATagWasMovedIfAResponseWasLost(t *testing.T) {
	type faults []leiocitest.Fault // for the first requests
	for name, tc := range map[string]struct {
		faults  faults
		fails   bool
		unknown bool
	}{
		"no fault":                     {nil, false, false},
		"a response is lost, then not": {faults{lost}, false, false},
		"both are lost":                {faults{lost, lost}, false, false}, // the tag is looked at
		"one is lost, then denied":     {faults{lost, leiocitest.Status(http.StatusForbidden, "DENIED")}, false, false},
		"unavailable, then lost":       {faults{leiocitest.Status(http.StatusServiceUnavailable, ""), lost}, false, false},
		"no response":                  {faults{leiocitest.Cut(), leiocitest.Cut()}, true, true},
		"no response, then denied":     {faults{leiocitest.Cut(), leiocitest.Status(http.StatusForbidden, "DENIED")}, true, true},
		"denied":                       {faults{leiocitest.Status(http.StatusForbidden, "DENIED")}, true, false},
		"invalid":                      {faults{leiocitest.Status(http.StatusBadRequest, "MANIFEST_INVALID")}, true, false},
		"unavailable":                  {faults{leiocitest.Status(http.StatusServiceUnavailable, ""), leiocitest.Status(http.StatusServiceUnavailable, "")}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			for _, fault := range tc.faults {
				reg.On(http.MethodPut, "/manifests/", 1, fault)
			}
			err := w.client().Destination(repo).PutManifest(t.Context(), "v1", put(t, sampleManifest))
			if _, unknown := errdef.NoteOf[registry.Unanswered](err); (err != nil) != tc.fails || unknown != tc.unknown {
				t.Errorf("got %v, unknown: %v", err, unknown)
			}
		})
	}
}

// A registry may fail after it has moved the tag.
func TestItIsUnknownWhetherATagWasMovedIfTheRegistryFailsAndCannotBeLookedAt(t *testing.T) {
	status := func(n int) leiocitest.Fault { return leiocitest.Status(n, "") }
	for name, tc := range map[string]struct {
		puts    []leiocitest.Fault
		look    leiocitest.Fault
		unknown bool
	}{
		"500, and 500":          {[]leiocitest.Fault{status(500), status(500)}, status(500), true},
		"503, and 403":          {[]leiocitest.Fault{status(503), status(503)}, status(403), true},
		"507, and 429":          {[]leiocitest.Fault{status(507)}, status(429), true},
		"408, and a page":       {[]leiocitest.Fault{status(408), status(408)}, answer("<html></html>"), true},
		"520, and nothing":      {[]leiocitest.Fault{status(520), status(520)}, leiocitest.Cut(), true},
		"500, then refused":     {[]leiocitest.Fault{status(500), status(403)}, status(403), true},
		"500, then limited":     {[]leiocitest.Fault{status(500), status(429)}, status(403), true},
		"500, and it is absent": {[]leiocitest.Fault{status(500), status(500)}, status(404), false},
		"500, and it holds another": {[]leiocitest.Fault{status(500), status(500)}, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
			registry.ServeHTTP(w, r)
		}, false},
		"refused, and refused": {[]leiocitest.Fault{status(403)}, status(403), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			reg, repo := w.serve("main.localhost")
			for _, fault := range tc.puts {
				reg.On(http.MethodPut, "/manifests/", 1, fault)
			}
			reg.On(http.MethodGet, "/manifests/", leiocitest.Always, tc.look)
			err := w.client().Destination(repo).PutManifest(t.Context(), "latest", put(t, " "+sampleManifest))
			if _, unknown := errdef.NoteOf[registry.Unanswered](err); err == nil || unknown != tc.unknown {
				t.Errorf("got %v, unknown: %v", err, unknown)
			}
		})
	}
}

func TestATagWasNotMovedByARequestThatWasNotSent(t *testing.T) {
	w := newWorld(t)
	_, repo := w.serve("main.localhost")
	transport := w.network.Transport()
	d := w.client(func(c *registry.Config) { c.Transport = transport }).Destination(repo)
	must(t, d.Connect(t.Context()))
	transport.CloseIdleConnections()
	w.network.Refuse("main.localhost", leiocitest.Always)
	err := d.PutManifest(t.Context(), "v1", put(t, sampleManifest))
	if _, unknown := errdef.NoteOf[registry.Unanswered](err); err == nil || unknown {
		t.Errorf("got %v, unknown: %v", err, unknown)
	}
}

func TestItIsUnknownWhetherATagWasMovedIfTheContextEndsBeforeTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		reached := make(chan struct{}, 1)
		reg.On(http.MethodPut, "/manifests/", 1, leiocitest.Hang(reached))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-reached; cancel() }()
		err := w.client().Destination(repo).PutManifest(ctx, "v1", put(t, sampleManifest))
		if _, unknown := errdef.NoteOf[registry.Unanswered](err); !errors.Is(err, context.Canceled) || !unknown {
			t.Errorf("got %v, unknown: %v", err, unknown)
		}
	})
}

func TestOneCallersContextDoesNotFailThePutOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		d := w.client().Destination(repo)
		reached := make(chan struct{}, 1)
		reg.On(http.MethodPut, "/manifests/", 1, leiocitest.Hang(reached))
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() { first <- d.PutManifest(ctx, "v1", put(t, sampleManifest)) }()
		<-reached
		cancel()
		if err := d.PutManifest(t.Context(), "v1", put(t, sampleManifest)); err != nil {
			t.Error(err)
		}
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: got %v", err)
		}
	})
}
