package leioci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/testenv"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// TestReferrersAreFoundWhateverTheirAPIResponds: the list under the tag counts in any case.
func TestReferrersAreFoundWhateverTheirAPIResponds(t *testing.T) {
	page := func(content, contentType string) leiocitest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", contentType)
			_, _ = fmt.Fprint(w, content) // the client may hang up
		}
	}
	for name, fault := range map[string]leiocitest.Fault{
		"404":                 leiocitest.Status(404, "NOT_FOUND"),
		"400":                 leiocitest.Status(400, "UNSUPPORTED"),
		"405":                 leiocitest.Status(405, "UNSUPPORTED"),
		"500":                 leiocitest.Status(500, ""),
		"501":                 leiocitest.Status(501, ""),
		"403":                 leiocitest.Status(403, "DENIED"),
		"a page of HTML":      page("<html><body>Welcome</body></html>", "text/html"),
		"nothing":             page("", "application/vnd.oci.image.index.v1+json"),
		"null":                page("null", "application/vnd.oci.image.index.v1+json"),
		"an array":            page("[]", "application/json"),
		"no list":             page("{}", "application/vnd.oci.image.index.v1+json"),
		"an empty list":       page(`{"schemaVersion":2,"manifests":[]}`, "application/vnd.oci.image.index.v1+json"),
		"a list that is null": page(`{"schemaVersion":2,"manifests":null}`, "application/vnd.oci.image.index.v1+json"),
		"no descriptors":      page(`{"manifests":[1,null,{},{"digest":"x"},{"digest":"sha256:12"},"a"]}`, "text/plain"),
		"a cut list":          page(`{"manifests":[`, "application/vnd.oci.image.index.v1+json"),
	} {
		t.Run(name, func(t *testing.T) {
			c, reg := newClient(t), leiocitest.NewRegistry(t)
			repo := repository(t, reg)
			root := putImage(t, repo, "v1", "root", nil)
			referrer := putImage(t, repo, "", "referrer", &root)
			i := reg.On("GET", "/referrers/", leiocitest.Always, fault)
			if list := lists(t, c, repo, root.Digest); len(list) != 1 || !list[referrer.Digest] {
				t.Errorf("listed are %v", list)
			}
			if i.Hits() == 0 {
				t.Error("the API was not asked")
			}
		})
	}
}

func TestReferrersOfTheAPIAndOfTheTagAreMerged(t *testing.T) {
	c, reg := newClient(t), leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	root := putImage(t, repo, "v1", "root", nil)
	tagged := putImage(t, repo, "", "tagged", &root)
	listed := []v1.Descriptor{putImage(t, repo, "", "listed", nil), putImage(t, repo, "", "also listed", nil), tagged}
	pages := 0
	reg.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		d := listed[pages]
		d.MediaType, d.Size = "text/plain", 7 // what a list says of a manifest does not matter
		if pages++; pages < len(listed) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, r.URL.Path, pages))
		}
		_ = json.NewEncoder(w).Encode(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{d}})
	})
	list := lists(t, c, repo, root.Digest)
	if len(list) != 3 || !list[tagged.Digest] || !list[listed[0].Digest] || !list[listed[1].Digest] {
		t.Errorf("listed are %v", list)
	}
}

// TestPagesOfReferrersThatBringNothingAreNotTheLast: a registry may filter a page after it has cut it,
// or repeat what was on the last one when the list has changed.
func TestPagesOfReferrersThatBringNothingAreNotTheLast(t *testing.T) {
	c, reg := newClient(t), leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	root := putImage(t, repo, "v1", "root", nil)
	one, another := putImage(t, repo, "", "one", nil), putImage(t, repo, "", "another", nil)
	pages := map[string][]v1.Descriptor{"": {}, "1": {one}, "2": {}, "3": {one}, "4": {another}}
	reg.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		page := r.URL.Query().Get("page")
		if n, _ := strconv.Atoi(page); n+1 < len(pages) {
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, r.URL.Path, n+1))
		}
		_ = json.NewEncoder(w).Encode(v1.IndexManifest{SchemaVersion: 2, Manifests: append([]v1.Descriptor{}, pages[page]...)})
	})
	if list := lists(t, c, repo, root.Digest); len(list) != 2 || !list[one.Digest] || !list[another.Digest] {
		t.Errorf("listed are %v", list)
	}
}

// TestWhatIsListedBeforeAPageThatFailsCounts: a registry may have forgotten where the next page begins,
// which is not to lack the API.
func TestWhatIsListedBeforeAPageThatFailsCounts(t *testing.T) {
	for _, status := range []int{400, 404, 500} {
		var log testenv.LogBuffer
		logger := logrus.New()
		logger.SetOutput(&log)
		c, reg := newClient(t, leioci.WithLogger(logger)), leiocitest.NewRegistry(t)
		repo := repository(t, reg)
		root := putImage(t, repo, "v1", "root", nil)
		one := putImage(t, repo, "", "one", nil)
		reg.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if r.URL.RawQuery != "" {
				w.WriteHeader(status)
				return
			}
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=2>; rel="next"`, r.URL.Path))
			_ = json.NewEncoder(w).Encode(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{one}})
		})
		if list := lists(t, c, repo, root.Digest); len(list) != 1 || !list[one.Digest] {
			t.Errorf("%d: listed are %v", status, list)
		}
		if !strings.Contains(log.String(), "may have others") {
			t.Errorf("%d: logged is %q", status, log.String())
		}
	}
}

func TestAListOfReferrersWithoutAnEndEnds(t *testing.T) {
	c, reg := newClient(t), leiocitest.NewRegistry(t)
	repo := repository(t, reg)
	root := putImage(t, repo, "v1", "root", nil)
	i := reg.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Link", fmt.Sprintf(`<%s?again=1>; rel="next"`, r.URL.Path))
		_ = json.NewEncoder(w).Encode(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{root}})
	})
	if list := lists(t, c, repo, root.Digest); len(list) != 1 || i.Hits() > 2 {
		t.Errorf("listed are %v, after %d requests", list, i.Hits())
	}
	i.Stop()
	i = reg.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Link", fmt.Sprintf(`<%s?%sx>; rel="next"`, r.URL.Path, r.URL.RawQuery))
		_, _ = fmt.Fprint(w, `{"schemaVersion":2,"manifests":[]}`)
	})
	if list := lists(t, c, repo, root.Digest); len(list) != 0 || i.Hits() > 20 {
		t.Errorf("listed are %v, after %d requests", list, i.Hits())
	}
	i.Stop()
	n := 0
	reg.On("GET", "/referrers/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		page := v1.IndexManifest{SchemaVersion: 2}
		for range 500 {
			n++
			page.Manifests = append(page.Manifests, v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%064x", n)}})
		}
		w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next"`, r.URL.Path, n))
		_ = json.NewEncoder(w).Encode(page)
	})
	r, err := c.Open(t.Context(), locate(t, repo, ""))
	must(t, err)
	if _, err := r.Referrers(t.Context(), root.Digest); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestACopyListsReferrersWhateverTheAPIOfItsDestinationResponds(t *testing.T) {
	for name, fault := range map[string]leiocitest.Fault{
		"405":   leiocitest.Status(405, "UNSUPPORTED"),
		"500":   leiocitest.Status(500, ""),
		"empty": leiocitest.Body(func([]byte) []byte { return []byte(`{"schemaVersion":2,"manifests":[]}`) }),
		"an empty list": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = fmt.Fprint(w, `{"schemaVersion":2,"manifests":[]}`)
		},
	} {
		c, from, to := newClient(t), leiocitest.NewRegistry(t), leiocitest.NewRegistry(t)
		src, dst := repository(t, from), repository(t, to)
		root := putImage(t, src, "v1", "root", nil)
		referrers := []v1.Descriptor{putImage(t, src, "", "one", &root), putImage(t, src, "", "another", &root)}
		i := to.On("GET", "/referrers/", leiocitest.Always, fault)
		_, err := c.Copy(t.Context(), locate(t, src, ":v1"), locate(t, dst, ""))
		must(t, err)
		i.Stop()
		if list := lists(t, c, dst, root.Digest); len(list) != 2 || !list[referrers[0].Digest] || !list[referrers[1].Digest] {
			t.Errorf("%s: listed are %v", name, list)
		}
	}
}
