package registry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// pages is a registry that lists tags on two pages (OCI distribution specification, "Listing
// Tags").
func pages(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/v2/org/cache/tags/list":
	case r.URL.Query().Get("last") == "":
		w.Header().Set("Link", `</v2/org/cache/tags/list?n=2&last=a>; rel="next"`)
		_, _ = io.WriteString(w, `{"name":"org/cache","tags":["b","a"]}`)
	default:
		_, _ = io.WriteString(w, `{"name":"org/cache","tags":["c"]}`)
	}
}

func TestAllTagsAreListedInTheRegistrysOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		fault leiocitest.Fault // for the first page
		want  []string
	}{
		"two pages":       {nil, []string{"b", "a", "c"}},
		"after a failure": {leiocitest.Status(http.StatusBadGateway, ""), []string{"b", "a", "c"}},
		"no tags":         {answer(`{"name":"org/cache","tags":[]}`), nil},
		"null":            {answer(`{"name":"org/cache","tags":null}`), nil},
	} {
		w := newWorld(t)
		reg := w.network.Serve(fmt.Sprintf("main%d.localhost", len(name)), http.HandlerFunc(pages))
		if tc.fault != nil {
			reg.On(http.MethodGet, "/tags/", 1, tc.fault)
		}
		if got, err := w.client().Tags(t.Context(), repository(t, reg.Host())); err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// answer is a fault that answers with a body.
func answer(body string) leiocitest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, body) }
}

func TestAListOfTagsThatIsNoneIsAnError(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"a page of HTML": answer("<html></html>"),
		"cut":            answer(`{"name":"org/cache","tags":["a"`),
		"endless":        leiocitest.Endless(),
	} {
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		reg.On(http.MethodGet, "/tags/", leiocitest.Always, fault)
		if got, err := w.client().Tags(t.Context(), repo); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestTheTagsOfAMirrorAreNotTheRepositorys(t *testing.T) {
	p := newPlaces(t)
	say(t, p.regs["a.localhost"], "PUT", "/v2/org/cache/manifests/old", ociManifest, sampleManifest)
	got, err := p.client(mirrors(p.repo, p.mirrorA)).Tags(t.Context(), p.repo)
	if err != nil || !slices.Equal(got, []string{"latest"}) {
		t.Errorf("got %q, %v", got, err)
	}
	var response *transport.Error
	if _, err := p.client().Tags(t.Context(), p.repo.Repo("org", "absent")); !errors.As(err, &response) || response.StatusCode != http.StatusNotFound {
		t.Errorf("an absent repository: got %v", err)
	}
}

// Decoded as a whole, the first takes 20 times the memory that it has bytes.
func TestAPageOfTagsTakesMemoryInProportionToItsSize(t *testing.T) {
	const size, most = 4<<20 - 1024, 32 * 4 << 20 // the race detector allocates more
	for name, tc := range map[string]struct {
		element string
		tags    int
	}{
		"empty names": {`""`, 0}, "one tag": {`"a"`, 1}, "no tags": {`null`, 0}, "long names": {`"` + strings.Repeat("x", 200) + `"`, 0},
	} {
		body := `{"tags":[` + tc.element + strings.Repeat(","+tc.element, size/(len(tc.element)+1)-1) + `]}`
		w := newWorld(t)
		reg, repo := w.serve("main.localhost")
		reg.On(http.MethodGet, "/tags/", leiocitest.Always, answer(body))
		c := w.client()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := c.Tags(t.Context(), repo)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err != nil || len(got) != tc.tags || used > most {
			t.Errorf("%s: %d tags, %v, and %d MiB were allocated for %d", name, len(got), err, used>>20, len(body)>>20)
		}
	}
}
