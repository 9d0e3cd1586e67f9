package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const sampleDir = "../../testdata/lei-0.9.1"

// leiociIn runs the command in dir, with the given token, and returns what a shell would see.
func leiociIn(t *testing.T, dir, token string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Chdir(dir)
	var out, errs strings.Builder
	env := environment{stdout: &out, stderr: &errs, getenv: func(name string) string {
		if name == "LEI_REGISTRY_TOKEN" {
			return token
		}
		return ""
	}}
	status = run(t.Context(), args, env)
	return status, out.String(), errs.String()
}

// absolute returns the sample's absolute path, for tests that change the working directory.
func absolute(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPushAndPullGiveTheSameFiles(t *testing.T) {
	reg, dir, work := leiocitest.NewRegistry(t), absolute(t), t.TempDir()
	ref := reg.Host() + "/org/lei-cache"
	status, pushed, stderr := leiociIn(t, work, "", "push", dir, ref)
	if status != 0 || !strings.HasPrefix(pushed, ref+"@sha256:") || strings.Count(pushed, "\n") != 1 || !strings.Contains(stderr, "under 2026-02-08, latest, weekly") {
		t.Fatalf("push: %d, %q, %q", status, pushed, stderr)
	}
	_, digest, _ := strings.Cut(strings.TrimSpace(pushed), "@sha256:")
	for _, tc := range []struct{ ref, dir string }{
		{ref, "lei-cache-latest"},
		{"oci://" + ref + ":2026-02-08", "lei-cache-2026-02-08"},
		{ref + ":weekly", "lei-cache-weekly"},
		{strings.TrimSpace(pushed), "lei-cache-" + digest[:12]},
	} {
		status, pulled, stderr := leiociIn(t, work, "", "pull", tc.ref)
		if status != 0 || pulled != pushed || !strings.Contains(stderr, "2026-02-08") {
			t.Errorf("pull %s: %d, %q, %q", tc.ref, status, pulled, stderr)
		}
		for _, name := range []string{"manifest.json", "cache.jsonl.gz"} {
			want, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(work, tc.dir, name)); err != nil || string(got) != string(want) {
				t.Errorf("%s: %s is not what was pushed: %v", tc.ref, name, err)
			}
		}
	}
	if status, _, stderr := leiociIn(t, work, "", "pull", ref); status != 0 || !strings.Contains(stderr, "up to date") {
		t.Errorf("the second pull: %d, %q", status, stderr)
	}
	out := filepath.Join(work, "given")
	if status, _, _ := leiociIn(t, work, "", "pull", ref, "-o", out); status != 0 {
		t.Errorf("pull -o: %d", status)
	}
	if _, err := os.Stat(filepath.Join(out, "manifest.json")); err != nil {
		t.Error(err)
	}
}

func TestPushTakesTagsFromTheReferences(t *testing.T) {
	one, two, dir := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), absolute(t)
	a, b := one.Host()+"/org/a", two.Host()+"/org/b"
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "push", dir, a+":v1", b, a+":v2", b+":latest", a+":v1")
	if status != 0 || strings.Count(stdout, "\n") != 2 {
		t.Fatalf("%d, %q, %q", status, stdout, stderr)
	}
	assertPut(t, one, "v1", "v2")
	assertPut(t, two, "2026-02-08", "latest", "weekly")
}

func TestARepositoryThatFailsDoesNotKeepTheSnapshotFromTheOthers(t *testing.T) {
	one, two, dir := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), absolute(t)
	one.On(http.MethodPut, "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	status, stdout, stderr := leiociIn(t, t.TempDir(), "", "push", dir, one.Host()+"/org/a:v1", two.Host()+"/org/b:v1")
	if status != 5 || !strings.HasPrefix(stdout, two.Host()+"/org/b@sha256:") || !strings.Contains(stderr, one.Host()+"/org/a") {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
}

// full is an output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAnOutputThatIsFullDoesNotKeepTheSnapshotFromTheOthers(t *testing.T) {
	one, two, dir := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), absolute(t)
	two.On(http.MethodPut, "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED"))
	three := leiocitest.NewRegistry(t)
	var stderr strings.Builder
	env := environment{stdout: full{}, stderr: &stderr, getenv: func(string) string { return "" }}
	status := run(t.Context(), []string{"push", dir, one.Host() + "/org/a:v1", two.Host() + "/org/b:v1", three.Host() + "/org/c:v1"}, env)
	if status != 5 || !strings.Contains(stderr.String(), syscall.ENOSPC.Error()) || !strings.Contains(stderr.String(), two.Host()+"/org/b") {
		t.Errorf("%d, %q", status, stderr.String())
	}
	assertPut(t, one, "v1")
	assertPut(t, three, "v1")
}

// assertPut fails unless exactly these tags were put, and want[0] first.
func assertPut(t *testing.T, reg *leiocitest.Registry, want ...string) {
	t.Helper()
	var got []string
	for _, r := range reg.Requests() {
		if method, path, _ := strings.Cut(r, " "); method == http.MethodPut && strings.Contains(path, "/manifests/") {
			got = append(got, filepath.Base(path))
		}
	}
	if len(got) != len(want) || got[0] != want[0] {
		t.Errorf("tags put: %q, want %q", got, want)
	}
	for _, tag := range want {
		if !strings.Contains(strings.Join(got, " "), tag) {
			t.Errorf("tags put: %q, want %q", got, want)
		}
	}
}

func TestWrongUsageIsStatus2AndAFailureHasOneLine(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	digest := "@sha256:" + strings.Repeat("0", 64)
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	for _, tc := range []struct {
		status int
		says   string
		token  string
		args   []string
	}{
		{2, "frobnicate", "", []string{"frobnicate"}},
		{2, "usage: leioci push DIR REF", "", []string{"push"}},
		{2, "usage: leioci push DIR REF", "", []string{"push", dir}},
		{2, "usage: leioci pull REF", "", []string{"pull"}},
		{2, "usage: leioci pull REF", "", []string{"pull", ref, ref}},
		{2, "usage: leioci pull REF", "", []string{"pull", "--frobnicate", ref}},
		{2, "usage: leioci version", "", []string{"version", "x"}},
		{2, "registry/repository[:tag]", "", []string{"pull", "invalid"}},
		{2, "registry/repository[:tag]", "", []string{"push", dir, "https://ghcr.io/a/b"}},
		{2, "cannot push to a digest", "", []string{"push", dir, ref + digest}},
		{2, "--output is empty", "", []string{"pull", ref, "-o", ""}},
		{2, "DIR is empty", "", []string{"push", "", ref}},
		{2, "LEI_REGISTRY_TOKEN", "s3cret\n", []string{"pull", ref}},
		{2, "name 2 registries", "s3cret", []string{"push", dir, ref, "localhost:1/a/b"}},
		{7, "not an LEI snapshot", "", []string{"push", t.TempDir(), ref}},
		{7, "no such file", "", []string{"push", filepath.Join(dir, "absent"), ref}},
		{7, "not found", "", []string{"pull", ref + ":absent"}},
		{7, "not found", "", []string{"pull", ref + digest}},
		{1, "cannot be replaced", "", []string{"pull", ref + ":2026-02-08", "-o", filepath.Dir(dir)}},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			status, stdout, stderr := leiociIn(t, t.TempDir(), tc.token, tc.args...)
			if status != tc.status || stdout != "" {
				t.Errorf("got status %d and %q, want %d", status, stdout, tc.status)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "leioci: ") || !strings.Contains(stderr, tc.says) {
				t.Errorf("it says %q, want one line with %q", stderr, tc.says)
			}
			if strings.Contains(stderr, "s3cret") {
				t.Errorf("it shows the token: %q", stderr)
			}
		})
	}
}

func TestTheTokenIsShownToTheNamedRegistry(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	var mu sync.Mutex
	shown := map[string]int{}
	reg.On("", "/org/", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		shown[r.Header.Get("Authorization")]++
		mu.Unlock()
		registry.ServeHTTP(w, r)
	})
	if status, _, stderr := leiociIn(t, t.TempDir(), "s3cret", "push", dir, reg.Host()+"/org/lei-cache"); status != 0 {
		t.Fatal(stderr)
	}
	mu.Lock()
	defer mu.Unlock()
	// The first request tells that the registry may hide what it has: it is sent without.
	if len(shown) != 2 || shown[""] != 1 || shown["Bearer s3cret"] == 0 {
		t.Errorf("got %v", shown)
	}
}

func TestPushMovesATagBackOnlyIfAllowed(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	newer := leiocitest.WriteSnapshot(t, time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC))
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", newer, ref); status != 0 {
		t.Fatal(stderr)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref); status != 3 || !strings.Contains(stderr, "2026-02-10") {
		t.Errorf("%d, %q", status, stderr)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", "--allow-move-back", dir, ref); status != 0 {
		t.Errorf("%d, %q", status, stderr)
	}
	pulled := leiocitest.WriteSnapshot(t, time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC))
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", ref, "-o", pulled); status != 3 || !strings.Contains(stderr, "older") {
		t.Errorf("%d, %q", status, stderr)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", "--allow-older", ref, "-o", pulled); status != 0 {
		t.Errorf("%d, %q", status, stderr)
	}
}

func TestVersionPrintsOneLine(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		if status, stdout, stderr := leiociIn(t, t.TempDir(), "", arg); status != 0 || strings.Count(stdout, "\n") != 1 || stderr != "" {
			t.Errorf("%s: %d, %q, %q", arg, status, stdout, stderr)
		}
	}
}

func TestARegistrysControlCharactersDoNotReachTheTerminal(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reg.On("", "/manifests/", leiocitest.Always, leiocitest.Status(http.StatusForbidden, "DENIED\x1b[2J\r\nleioci: all is well"))
	status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", reg.Host()+"/org/a")
	if status != 5 || strings.Count(stderr, "\n") != 1 || strings.ContainsAny(stderr, "\x1b\r") || !strings.Contains(stderr, "all is well") {
		t.Errorf("%d, %q", status, stderr)
	}
}

func TestHelpGoesToStandardOutput(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"push", "--help"}, {"pull", "-h"}, {"help", "pull"}} {
		if status, stdout, stderr := leiociIn(t, t.TempDir(), "", args...); status != 0 || !strings.Contains(stdout, "leioci") || stderr != "" {
			t.Errorf("%q: %d, %q, %q", args, status, stdout, stderr)
		}
	}
}

func TestAMirrorIsAskedFirstAndIsNotShownTheToken(t *testing.T) {
	reg, mirror, dir := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), absolute(t)
	ref, other := reg.Host()+"/org/lei-cache", mirror.Host()+"/mirror/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref, other); status != 0 {
		t.Fatal(stderr)
	}
	before := len(reg.Requests())
	var mu sync.Mutex
	shown := ""
	mirror.On("", "", leiocitest.Always, func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		mu.Lock()
		shown += r.Header.Get("Authorization")
		mu.Unlock()
		registry.ServeHTTP(w, r)
	})
	status, stdout, stderr := leiociIn(t, t.TempDir(), "s3cret", "pull", ref, "--mirror", other)
	mu.Lock()
	if status != 0 || !strings.HasPrefix(stdout, ref+"@sha256:") || len(reg.Requests()) != before || shown != "" {
		t.Errorf("%d, %q, %q; the mirror was shown %q", status, stdout, stderr, shown)
	}
	mu.Unlock()
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", ref, "--mirror", closedPort(t)+"/mirror/lei-cache", "--attempts", "1"); status != 0 {
		t.Errorf("a mirror that is down: %d, %q", status, stderr)
	}
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", ref, "--mirror", "ghcr.io/a/b:tag"); status != 2 || !strings.Contains(stderr, "--mirror") {
		t.Errorf("a mirror that is no repository: %d, %q", status, stderr)
	}
}

func TestAnInterruptIsNoFailure(t *testing.T) {
	reg := leiocitest.NewRegistry(t)
	reached := make(chan struct{}, 8)
	reg.On("", "/manifests/", leiocitest.Always, leiocitest.Hang(reached))
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-reached; interrupt() }()
	var out, errs strings.Builder
	t.Chdir(t.TempDir())
	status := run(ctx, []string{"pull", reg.Host() + "/org/lei-cache"}, environment{func(string) string { return "" }, strings.NewReader(""), &out, &errs})
	if status != 130 || out.Len() > 0 || errs.String() != "leioci: interrupted; run it again to continue\n" {
		t.Errorf("%d, %q, %q", status, out.String(), errs.String())
	}
}
