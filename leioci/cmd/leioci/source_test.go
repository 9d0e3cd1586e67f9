package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestAnOldSnapshotDecidesNothing(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	for days, want := range map[int]int{-1: 0, -9: 3, 9: 3} {
		dir := writeGate(t, time.Now().AddDate(0, 0, days))
		ref := fmt.Sprintf("%s/org/lei-cache:%d", reg.Host(), max(days, -days))
		if status, _, stderr := leiociFed(t, t.TempDir(), "", "push", "--allow-future", dir, ref); status != 0 {
			t.Fatal(stderr)
		}
		for _, from := range []string{dir, ref, "oci://" + ref} {
			status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", from, "--repo", "github.com/org/low", "--max-age", "3d")
			if status != want || (stdout == "") != (want == 3) {
				t.Errorf("%d days, %s: %d, %q, %q", days, from, status, stdout, stderr)
			}
		}
	}
}

func TestAReferenceIsCheckedAndNothingIsLeft(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), writeGate(t, time.Now())
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociFed(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	status, stdout, _ := leiociFed(t, t.TempDir(), "", "check", ref, "--repo", "github.com/org/high", "--format", "json")
	if status != 6 || !strings.Contains(stdout, `"source": "`+ref+"@sha256:") {
		t.Errorf("%d, %s", status, stdout)
	}
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Status(http.StatusTeapot, ""))
	if status, stdout, _ := leiociFed(t, t.TempDir(), "", "check", ref, "--repo", "github.com/org/high"); status != 1 || stdout != "" {
		t.Errorf("%d, %s", status, stdout)
	}
	if status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", reg.Host()+"/org/absent", "--repo", "a"); status != 7 || stdout != "" {
		t.Errorf("%d, %s, %s", status, stdout, stderr)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatLooksLikeAPathIsNotLookedForInTheNetwork(t *testing.T) {
	for _, from := range []string{"absent", "absent/lei", "./absent", "/absent/lei", "../absent.d/lei"} {
		status, _, stderr := leiociFed(t, t.TempDir(), "", "check", from, "--repo", "a")
		if status != 7 || !strings.Contains(stderr, "no such") {
			t.Errorf("%s: %d, %q", from, status, stderr)
		}
	}
	work := t.TempDir()
	if err := os.MkdirAll(filepath.Join(work, "example.org"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(writeGate(t, time.Now()), filepath.Join(work, "example.org", "lei")); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := leiociFed(t, work, "", "check", "example.org/lei", "--repo", "github.com/org/low"); status != 0 {
		t.Errorf("%d, %q", status, stderr)
	}
}

func TestAnInterruptedCheckLeavesNothing(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), writeGate(t, time.Now())
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociFed(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	reached := make(chan struct{}, 8)
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, leiocitest.Hang(reached))
	for _, args := range [][]string{{"check", ref, "--repo", "a"}, {"diff", dir, ref}} {
		ctx, interrupt := context.WithCancel(t.Context())
		go func() { <-reached; interrupt() }()
		var out, errs strings.Builder
		status := run(ctx, args, environment{func(string) string { return "" }, strings.NewReader(""), &out, &errs})
		if status != 130 || out.Len() > 0 {
			t.Errorf("%q: %d, %q, %q", args, status, out.String(), errs.String())
		}
		left, err := os.ReadDir(temp)
		if err != nil || len(left) > 0 {
			t.Errorf("%q: left behind: %v, %v", args, left, err)
		}
	}
}
