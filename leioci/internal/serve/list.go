package serve

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tags lists the tags in lexical order, in which case makes no difference ("Listing Tags").
func (h *Handler) tags(w http.ResponseWriter, r *http.Request, t target) error {
	query := r.URL.Query()
	n, err := strconv.Atoi(cmp.Or(query.Get("n"), "-1"))
	if err != nil && !errors.Is(err, strconv.ErrRange) || n < 0 && query.Get("n") != "" {
		return wrongNumber
	}
	all, err := h.from.Tags(r.Context())
	if err != nil {
		return err // also if the place has gone: see unknown
	}
	order := func(a, b string) int {
		return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
	}
	all = slices.SortedFunc(slices.Values(all), order)
	all = slices.DeleteFunc(all, func(tag string) bool { return order(tag, query.Get("last")) <= 0 })
	if n >= 0 && n < len(all) {
		if all = all[:n]; n > 0 {
			next := url.Values{"n": {strconv.Itoa(n)}, "last": {all[n-1]}}
			w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?%s>; rel="next"`, t.name, next.Encode()))
		}
	}
	writeJSON(w, "application/json", http.StatusOK, map[string]any{"name": t.name, "tags": append([]string{}, all...)})
	return nil
}

// mostListed is the bytes of a page of referrers, unless the first has more. Clients take 4 MiB.
const mostListed = 3 << 20

// referrers lists what refers to a digest, which need not be here ("Listing Referrers"). They are in
// the order of their digests, so that a page follows the one before it, whatever has come or gone.
func (h *Handler) referrers(w http.ResponseWriter, r *http.Request, t target) error {
	all, err := h.from.Referrers(r.Context(), t.digest)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	wanted, filtered := query["artifactType"]
	all = slices.SortedFunc(slices.Values(all), func(a, b v1.Descriptor) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
	all = slices.DeleteFunc(all, func(d v1.Descriptor) bool {
		return d.Digest.String() <= query.Get("last") || filtered && !slices.Contains(wanted, d.ArtifactType)
	})
	if filtered {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	index, size := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}, 0
	for _, d := range all {
		raw, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if size += len(raw); size > mostListed && len(index.Manifests) > 0 {
			query.Set("last", index.Manifests[len(index.Manifests)-1].Digest.String())
			w.Header().Set("Link", fmt.Sprintf(`</v2/%s/referrers/%s?%s>; rel="next"`, t.name, t.id, query.Encode()))
			break
		}
		index.Manifests = append(index.Manifests, d)
	}
	writeJSON(w, string(types.OCIImageIndex), http.StatusOK, index)
	return nil
}
