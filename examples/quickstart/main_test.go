package main

import (
	"strings"
	"testing"
)

func TestQuickstartSaysWhatAPersonWantsToSee(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	var out strings.Builder
	if err := run(t.Context(), "../../leioci/testdata/lei-0.9.1", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"@sha256:", "2026-02-08, latest, weekly", "(73222 bytes)", "200 reports of 2026-02-08",
		"critical         64\n", "high             64\n", "medium           68\n", "undetermined      4\n", "took ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
