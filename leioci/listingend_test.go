package leioci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// A page without a Link and shorter than was asked for is the last, by the specification. So
// whoever refuses to tell what follows it has told it all.
func TestWhatFollowsAShortPageMayBeRefusedAndNothingElse(t *testing.T) {
	for name, tc := range map[string]struct {
		most  int
		fault leiocitest.Fault
		fails bool
	}{
		"short, 400": {10, leiocitest.Status(http.StatusBadRequest, "UNSUPPORTED"), false},
		"short, 404": {10, leiocitest.Status(http.StatusNotFound, ""), false},
		"short, the first page": {10, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Link", "<?page=2>; rel=next")
			_ = json.NewEncoder(w).Encode(map[string]any{"tags": numbered(10)})
		}, false},
		"short, 503": {10, leiocitest.Status(http.StatusServiceUnavailable, ""), true},
		"short, cut": {10, leiocitest.Cut(), true},
		"full, 400":  {1000, leiocitest.Status(http.StatusBadRequest, "UNSUPPORTED"), true},
	} {
		reg := leiocitest.Serve(t, tagServer(numbered(tc.most), tc.most, nil))
		reg.On(http.MethodGet, "/tags/list", 1, none)
		reg.On(http.MethodGet, "/tags/list", leiocitest.Always, tc.fault)
		tags, err := newClient(t).Tags(t.Context(), repository(t, reg))
		if (err != nil) != tc.fails || err == nil && len(tags) != tc.most {
			t.Errorf("%s: got %d tags, %v", name, len(tags), err)
		}
	}
}

func TestAListOfEverNewTagsEnds(t *testing.T) {
	for _, link := range []string{"", "<?page=N>; rel=next"} {
		var asked atomic.Int64
		reg := leiocitest.NewRegistry(t)
		pages := reg.On(http.MethodGet, "/tags/list", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			n := asked.Add(1)
			w.Header().Set("Link", strings.ReplaceAll(link, "N", strconv.FormatInt(n, 10)))
			_, _ = fmt.Fprintf(w, `{"tags":["t%d"]}`, n)
		})
		if tags, err := newClient(t).Tags(t.Context(), repository(t, reg)); !errors.Is(err, leioci.ErrTooLarge) || pages.Hits() != 5000 {
			t.Errorf("%q: got %d tags, %v, after %d requests", link, len(tags), err, pages.Hits())
		}
	}
}
