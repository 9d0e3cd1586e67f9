package leioci_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
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
		// A Saturday in UTC is a Sunday where the date says it is.
		{time.Date(2026, 2, 7, 12, 0, 0, 0, time.UTC).In(kiritimati), []string{"2026-02-08", "latest", "weekly"}},
	} {
		if got := leioci.GenerateTags(tc.date); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.date, got, tc.want)
		}
	}
}
