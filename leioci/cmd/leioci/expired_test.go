package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestWhatHasExpiredIsStaleUnlessItIsAllowed(t *testing.T) {
	dir := t.TempDir()
	made := time.Now().UTC().Add(-72 * time.Hour)
	export := leiocitest.WriteSnapshot(t, made, `{"header":{"repo":"https://example.org/a"},"data":{"repo":"https://example.org/a","risk":"low"}}`)
	img, err := leioci.Package(t.Context(), export, leioci.ValidUntil(time.Now().Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	pulled, layout := filepath.Join(dir, "pulled"), "oci-layout:"+filepath.Join(dir, "layout")
	if _, err := leioci.Unpack(t.Context(), img, pulled, leioci.ClockAllowance(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	client, err := leioci.New()
	if err != nil {
		t.Fatal(err)
	}
	to, err := leioci.ParseLocation(layout)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PushTo(t.Context(), to, []string{"latest"}, img); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"pull", layout, "-o", filepath.Join(dir, "new")},
		{"verify", layout},
		{"verify", pulled},
		{"check", layout, "--repo", "https://example.org/a"},
		{"check", pulled, "--repo", "https://example.org/a"},
		{"import", pulled},
		{"diff", pulled, pulled},
		{"diff", layout, export},
	} {
		s := shell{dir: dir}
		if status, _, stderr := s.run(t, args...); status != exitStale {
			t.Errorf("%v: got %d, %s", args, status, stderr)
		}
		if status, _, stderr := s.run(t, append(args, "--clock-allowance", "2h")...); status != exitOK {
			t.Errorf("%v with an allowance: got %d, %s", args, status, stderr)
		}
	}
}
