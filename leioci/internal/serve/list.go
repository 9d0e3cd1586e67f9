package serve

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tags lists the tags in lexical order ("Listing Tags").
func (h *Handler) tags(w http.ResponseWriter, r *http.Request, t target) error {
	query := r.URL.Query()
	n, err := strconv.Atoi(cmp.Or(query.Get("n"), "-1"))
	if err != nil || n < 0 && query.Get("n") != "" {
		return wrongNumber
	}
	all, err := h.from.Tags(r.Context())
	if err != nil {
		return err // also if the place has gone: see unknown
	}
	all = slices.Sorted(slices.Values(all))
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(all, last)
		if found {
			i++
		}
		all = all[i:]
	}
	if n >= 0 && n < len(all) {
		if all = all[:n]; n > 0 {
			next := url.Values{"n": {strconv.Itoa(n)}, "last": {all[n-1]}}
			w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?%s>; rel="next"`, t.name, next.Encode()))
		}
	}
	writeJSON(w, "application/json", http.StatusOK, map[string]any{"name": t.name, "tags": append([]string{}, all...)})
	return nil
}

// referrers lists what refers to a digest, which need not be here ("Listing Referrers").
func (h *Handler) referrers(w http.ResponseWriter, r *http.Request, t target) error {
	all, err := h.from.Referrers(r.Context(), t.digest)
	if err != nil {
		return err
	}
	if query := r.URL.Query(); query.Has("artifactType") {
		all = slices.DeleteFunc(slices.Clone(all), func(d v1.Descriptor) bool {
			return !slices.Contains(query["artifactType"], d.ArtifactType)
		})
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	writeJSON(w, string(types.OCIImageIndex), http.StatusOK, v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append([]v1.Descriptor{}, all...),
	})
	return nil
}
