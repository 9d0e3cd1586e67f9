package leioci_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A tripWorld is a registry that mounts what it has, on fake time.
type tripWorld struct {
	*testing.T
	network *leiocitest.Network
	reg     *leiocitest.Registry
	repo    name.Repository
	seen    int // how many requests take has returned
}

func newTripWorld(t *testing.T) *tripWorld {
	time.Sleep(time.Until(newer)) // a bubble's clock begins in 2000, where its snapshots are of the future
	w := &tripWorld{T: t, network: leiocitest.NewNetwork(t)}
	store := leiocitest.NewHandler()
	w.reg = w.network.Serve(mainHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if digest := r.URL.Query().Get("mount"); digest != "" && has(store, r, digest) {
			rw.Header().Set("Location", "/v2/org/lei-cache/blobs/"+digest)
			rw.WriteHeader(http.StatusCreated)
			return
		}
		store.ServeHTTP(rw, r)
	}))
	repo, err := leioci.ParseRepository(mainHost + "/org/lei-cache")
	must(t, err)
	w.repo = repo
	return w
}

func has(store http.Handler, r *http.Request, digest string) bool {
	look := httptest.NewRecorder()
	store.ServeHTTP(look, httptest.NewRequestWithContext(r.Context(), http.MethodHead, "/v2/"+r.URL.Query().Get("from")+"/blobs/"+digest, nil))
	return look.Code == http.StatusOK
}

// client returns a client like that of a new process.
func (w *tripWorld) client(opts ...leioci.Option) *leioci.Client {
	w.Helper()
	return newClient(w.T, append([]leioci.Option{leioci.WithTransport(w.network.Transport()), leioci.WithPlainHTTP(mainHost)}, opts...)...)
}

func (w *tripWorld) image(date time.Time) v1.Image {
	w.Helper()
	img, err := leioci.Package(w.Context(), leiocitest.WriteSnapshot(w.T, date, report), leioci.PackageFuture())
	must(w.T, err)
	return img
}

func (w *tripWorld) push(date time.Time, tags string, opts ...leioci.PushOption) error {
	w.Helper()
	_, err := w.client().PushSnapshot(w.Context(), w.repo, strings.Fields(tags), w.image(date), opts...)
	return err
}

var varying = regexp.MustCompile(`uploads/[0-9]+.*|\?mount=.*|sha256:.*`)

// take returns the requests since the last time, in short, and how often each was made; but not
// those of a handshake.
func (w *tripWorld) take() map[string]int {
	w.Helper()
	all := w.reg.Requests()
	made := map[string]int{}
	for _, r := range all[w.seen:] {
		if r != "GET /v2/" {
			made[strings.TrimSuffix(varying.ReplaceAllString(strings.Replace(r, "/v2/org/lei-cache/", "", 1), ""), "/")]++
		}
	}
	w.seen = len(all)
	return made
}

func (w *tripWorld) assertMade(what string, want map[string]int) {
	w.Helper()
	if got := w.take(); !maps.Equal(got, want) {
		w.Errorf("%s: the requests were %v, want %v", what, got, want)
	}
}

type requestsMade = map[string]int

func TestAPushMakesNoRequestTooMany(t *testing.T) {
	const posts, puts = "POST blobs/uploads", "PUT blobs"
	synctest.Test(t, func(t *testing.T) {
		w := newTripWorld(t)
		must(t, w.push(older, "2026-02-01"))
		w.assertMade("the first", requestsMade{"GET manifests/2026-02-01": 1, posts: 3, puts: 3, "PUT manifests/2026-02-01": 1})

		must(t, w.push(newer, "2026-02-08 latest weekly"))
		w.assertMade("three tags", requestsMade{
			"GET manifests/latest": 1, "GET manifests/weekly": 1, posts: 3, puts: 2, // the reports are there
			"PUT manifests/2026-02-08": 1, "PUT manifests/latest": 1, "PUT manifests/weekly": 1,
		})

		must(t, w.push(newer, "latest"))
		w.assertMade("again, one tag", requestsMade{"GET manifests/latest": 1})
		must(t, w.push(newer, "2026-02-08 latest weekly"))
		w.assertMade("again, three tags", requestsMade{"GET manifests/latest": 1, "GET manifests/weekly": 1, "PUT manifests/2026-02-08": 1})
		must(t, w.push(newer, "2026-02-08"))
		w.assertMade("again, the dated tag", requestsMade{"GET manifests/2026-02-08": 1})
		must(t, w.push(newer, "latest new"))
		w.assertMade("again, and a new tag", requestsMade{"GET manifests/latest": 1, "GET manifests/new": 1, "PUT manifests/new": 1})

		must(t, w.push(newer.AddDate(0, 0, 1), "latest"))
		w.assertMade("the next", requestsMade{"GET manifests/latest": 1, posts: 2, puts: 2, "PUT manifests/latest": 1})

		must(t, w.push(newer, "latest", leioci.AllowMoveBack()))
		w.assertMade("back", requestsMade{posts: 3, "PUT manifests/latest": 1})

		manifest, blobs := sample(t)
		push := func(tags string, blobs []v1.Layer) {
			_, err := w.client().Push(t.Context(), w.repo, strings.Fields(tags), manifest, blobs)
			must(t, err)
		}
		push("a b", blobs)
		w.assertMade("a manifest and blobs", requestsMade{"GET manifests/a": 1, posts: 3, puts: 3, "PUT manifests/a": 1, "PUT manifests/b": 1})
		push("a b", blobs)
		w.assertMade("the same again", requestsMade{"GET manifests/a": 1, "PUT manifests/b": 1})
		push("a", nil)
		w.assertMade("without the blobs", requestsMade{"GET manifests/a": 1})
		push("c", blobs[:1])
		w.assertMade("with one blob", requestsMade{"GET manifests/c": 1, "HEAD blobs": 2, posts: 1, "PUT manifests/c": 1})
	})
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
