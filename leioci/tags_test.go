package leioci_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestGenerateTagsGivesTheDateLatestAndOnSundaysWeekly(t *testing.T) {
	kiritimati := time.FixedZone("UTC+14", 14*60*60)
	for _, tc := range []struct {
		date time.Time
		want []string
	}{
		{time.Date(2026, 2, 5, 0, 0, 0, 0, time.UTC), []string{"2026-02-05", "latest"}},
		{time.Date(2026, 2, 8, 23, 59, 59, 0, time.UTC), []string{"2026-02-08", "latest", "weekly"}},
		{time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), []string{"2024-02-29", "latest"}},
		// A Saturday in UTC may be a Sunday in the date's own location.
		{time.Date(2026, 2, 7, 12, 0, 0, 0, time.UTC).In(kiritimati), []string{"2026-02-08", "latest", "weekly"}},
	} {
		if got := leioci.GenerateTags(tc.date); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.date, got, tc.want)
		}
	}
}

func TestTagsReadsAllPagesAndNoEndlessOne(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	pages := reg.On(http.MethodGet, "/tags/list", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/org/lei-cache/tags/list?last=a>; rel="next"`)
			_, _ = io.WriteString(w, `{"tags":["a"]}`)
			return
		}
		_, _ = io.WriteString(w, `{"tags":["b"]}`)
	})
	tags, err := newClient(t).Tags(t.Context(), repository(t, reg))
	if err != nil || !slices.Equal(tags, []string{"a", "b"}) || pages.Hits() != 2 {
		t.Errorf("got %q, %v after %d pages", tags, err, pages.Hits())
	}
	pages.Stop()
	reg.On(http.MethodGet, "/tags/list", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for _, err := io.WriteString(w, `{"tags":["`); err == nil; {
			_, err = io.WriteString(w, strings.Repeat("a", 1<<20))
		}
	})
	if _, err := newClient(t).Tags(t.Context(), repository(t, reg)); !errors.Is(err, leioci.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
