package snapshot_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestSampleMetadataIsWhatTheOriginalWrote(t *testing.T) {
	m := open(t, sampleDir).Metadata()
	repos := reposOf(t, open(t, sampleDir))
	want := snapshot.Metadata{
		FormatVersion: "1.0", LEIVersion: "0.9.1",
		Created:    time.Date(2026, 11, 23, 15, 40, 56, 323271000, time.UTC),
		Date:       time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC),
		EntryCount: 200, RawSize: 575045, CompressedSize: 62724,
		ContentHash: "c849e0f774864920876a444e7ae85b58b98ca4ad945ca235f10dff406454879a",
	}
	if got := m; !got.Created.Equal(want.Created) || !got.Date.Equal(want.Date) || got.Created.Location() != time.UTC ||
		got.EntryCount != want.EntryCount || got.RawSize != want.RawSize || got.CompressedSize != want.CompressedSize ||
		got.ContentHash != want.ContentHash || got.FormatVersion != want.FormatVersion || got.LEIVersion != want.LEIVersion {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(repos) != 200 || repos[0] != "https://git.example.org/team-00/project-000" {
		t.Errorf("got %d repos, the first %q", len(repos), repos[0])
	}
}

func TestSampleReportsAreThoseOfItsManifestInOrder(t *testing.T) {
	s := open(t, sampleDir)
	var repos []string
	risks := map[string]int{}
	for report, err := range s.Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		repos = append(repos, report.Repo)
		risks[report.Risk]++
		if report.Line != int64(len(repos)) || len(report.Raw) < 500 || report.Raw[len(report.Raw)-1] != '}' {
			t.Errorf("report %d has line %d and %d bytes", len(repos), report.Line, len(report.Raw))
		}
	}
	if !slices.Equal(repos, reposOf(t, s)) {
		t.Error("the repositories of the reports are not those of manifest.json")
	}
	if want := map[string]int{"medium": 68, "high": 64, "critical": 64, "undetermined": 4}; !maps.Equal(risks, want) {
		t.Errorf("got %v, want %v", risks, want)
	}
}

func TestSampleIsVerified(t *testing.T) {
	if err := open(t, sampleDir).Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLookupFindsTheOneReportOfARepository(t *testing.T) {
	s := open(t, sampleDir)
	for _, repo := range []string{"https://git.example.org/team-05/project-028", "https://git.example.org/none"} {
		var found []int64
		for report, err := range s.Lookup(t.Context(), repo) {
			if err != nil || report.Repo != repo {
				t.Fatal(report.Repo, err)
			}
			found = append(found, report.Line)
		}
		var want []int64
		if i := slices.Index(reposOf(t, s), repo); i >= 0 {
			want = []int64{int64(i) + 1}
		}
		if !slices.Equal(found, want) {
			t.Errorf("%s: got lines %v, want %v", repo, found, want)
		}
	}
}
