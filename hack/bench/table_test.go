//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
)

func TestARowIsJudgedByWhatItShows(t *testing.T) {
	tbl := table{columns: []string{"oras", "old", "new"}, judged: []string{"old", "new"}, targets: map[string]float64{"a": 1.05}}
	for _, tt := range []struct {
		old, new float64
		want     string
	}{
		{1.054, 1.0, "| a | 1 ms | 9.00 | 1.05 | 1.00 | ≤ 1.05 | yes, yes |\n"},
		{1.06, 0.5, "| a | 1 ms | 9.00 | 1.06 | 0.50 | ≤ 1.05 | NO, yes |\n"},
	} {
		var out strings.Builder
		tbl.row(&out, row{name: "a", format: "%.2f", base: "1 ms", figures: map[string]float64{"oras": 9, "old": tt.old, "new": tt.new}})
		if out.String() != tt.want {
			t.Errorf("got %q, want %q", out.String(), tt.want)
		}
	}
	var out strings.Builder
	tbl.row(&out, row{name: "b", format: "%.0f", figures: map[string]float64{"new": 3}})
	if want := "| b |  |  |  | 3 |  |  |\n"; out.String() != want {
		t.Errorf("without a target: %q, want %q", out.String(), want)
	}
}

func TestVerifiedPushesHaveRowsOfTheirOwn(t *testing.T) {
	sample := []measure.Sample{{Wall: 2, CPU: 2, PeakKiB: 1024}}
	rows := transferRows("push", map[string][]measure.Sample{
		leastWork: {{Wall: 1, CPU: 1, PeakKiB: 512}}, "leioci": sample, "leioci" + verifiedSuffix: sample,
	}, true)
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
		if r.figures["leioci"] == 0 || r.figures["leioci"+verifiedSuffix] != 0 {
			t.Errorf("%s: %v", r.name, r.figures)
		}
	}
	want := "push: wall; push, verified first: wall; push: CPU; push, verified first: CPU; push: peak MiB; push, verified first: peak MiB"
	if got := strings.Join(names, "; "); got != want {
		t.Errorf("got %s", got)
	}
}

func TestEveryTargetBelongsToAScenario(t *testing.T) {
	known := map[string]bool{}
	for _, s := range scenarios() {
		known[s.name] = true
	}
	for name := range targets() {
		scenario, _, ok := strings.Cut(name, ":")
		if !ok || !known[scenario] {
			t.Errorf("%q belongs to no scenario", name)
		}
	}
}
