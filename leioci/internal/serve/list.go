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
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
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

// referrers lists what refers to a digest, which need not be here ("Listing Referrers").
func (h *Handler) referrers(w http.ResponseWriter, r *http.Request, t target) error {
	all, err := h.from.Referrers(r.Context(), t.digest)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	if query.Has("artifactType") {
		all = slices.DeleteFunc(slices.Clone(all), func(d v1.Descriptor) bool {
			return !slices.Contains(query["artifactType"], d.ArtifactType)
		})
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	page, more, err := pageAfter(query.Get("last"), all)
	if err != nil {
		return err
	}
	if more {
		query.Set("last", page[len(page)-1].Digest.String())
		w.Header().Set("Link", fmt.Sprintf(`</v2/%s/referrers/%s?%s>; rel="next"`, t.name, t.id, query.Encode()))
	}
	writeJSON(w, string(types.OCIImageIndex), http.StatusOK, v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append([]v1.Descriptor{}, page...),
	})
	return nil
}

// mostListed is how many bytes of JSON a page of referrers has, unless its first one has more. Clients
// refuse an index of more than 4 MiB.
const mostListed = 3 << 20

// pageAfter returns the page of a list that follows the last one of a page before. If there is no
// such one, or it has gone meanwhile, that is the first page.
func pageAfter(last string, all []v1.Descriptor) (page []v1.Descriptor, more bool, err error) {
	begin := slices.IndexFunc(all, func(d v1.Descriptor) bool { return d.Digest.String() == last }) + 1
	size := 0
	for i, d := range all[begin:] {
		raw, err := json.Marshal(d)
		if err != nil {
			return nil, false, err
		}
		if size += len(raw); size > mostListed && i > 0 {
			return all[begin : begin+i], true, nil
		}
	}
	return all[begin:], false, nil
}
