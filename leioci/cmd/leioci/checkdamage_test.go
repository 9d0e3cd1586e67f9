package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// damage changes a file of a snapshot without changing what its directory says about it.
func damage(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(bytes.Clone(data)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// middle flips bits in the middle.
func middle(data []byte) []byte {
	data[len(data)/2] ^= 0x55
	return data
}

// safe is what check is asked about: its report is the first, before all damage.
const safe = "https://example.org/safe"

func writeMany(t *testing.T, reports ...string) string {
	t.Helper()
	lines := []string{report(safe, `"low"`)}
	for i := range 2000 {
		lines = append(lines, report(fmt.Sprintf("https://example.org/r%d", i*i*7919), `"low"`))
	}
	return leiocitest.WriteSnapshot(t, time.Now(), append(lines, reports...)...)
}

func TestADamagedSnapshotNeverPasses(t *testing.T) {
	replace := func(old, other string) func([]byte) []byte {
		return func(data []byte) []byte {
			if !bytes.Contains(data, []byte(old)) {
				t.Fatalf("no %s", old)
			}
			return bytes.Replace(data, []byte(old), []byte(other), 1)
		}
	}
	for _, indexed := range []bool{false, true} {
		for what, do := range map[string]func(dir string){
			"the middle":   func(dir string) { damage(t, dir, "cache.jsonl.gz", middle) },
			"the end":      func(dir string) { damage(t, dir, "cache.jsonl.gz", func(d []byte) []byte { return d[:len(d)-9] }) },
			"the checksum": func(dir string) { damage(t, dir, "cache.jsonl.gz", func(d []byte) []byte { d[len(d)-8]++; return d }) },
			"trailing":     func(dir string) { damage(t, dir, "cache.jsonl.gz", func(d []byte) []byte { return append(d, 'x') }) },
			"the count": func(dir string) {
				damage(t, dir, "manifest.json", replace(`"entry_count": 2001`, `"entry_count": 2002`))
			},
			"the hash": func(dir string) { damage(t, dir, "manifest.json", replace(`"content_hash": "`, `"content_hash": "0`)) },
		} {
			dir := writeMany(t)
			if indexed {
				if err := snapshot.Index(t.Context(), dir); err != nil {
					t.Fatal(err)
				}
			}
			if status, _, stderr := leiociFed(t, t.TempDir(), "", "check", dir, "--repo", safe); status != 0 {
				t.Fatal(stderr)
			}
			do(dir)
			for _, repo := range []string{safe, "https://example.org/absent"} {
				status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", dir, "--repo", repo, "--unknown", "ignore", "--undetermined", "ignore")
				if status != 4 || stdout != "" {
					t.Errorf("%s, indexed %t: %d, %q, %q", what, indexed, status, stdout, stderr)
				}
			}
			if status, stdout, stderr := leiociFed(t, t.TempDir(), "", "diff", dir, dir); status != 4 || stdout != "" {
				t.Errorf("diff, %s, indexed %t: %d, %q, %q", what, indexed, status, stdout, stderr)
			}
		}
	}
	for what, line := range map[string]string{"not JSON": "{", "two risks": `{"data":{"repo":"a","risk":"low","risk":"high"}}`, "no object": "1"} {
		status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", writeMany(t, line), "--repo", safe)
		if status != 4 || stdout != "" {
			t.Errorf("%s: %d, %q, %q", what, status, stdout, stderr)
		}
	}
}

func TestADamagedReferenceNeverPasses(t *testing.T) {
	reg, dir := leiocitest.NewRegistry(t), writeMany(t, "not a report")
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociFed(t, t.TempDir(), "", "push", "--no-verify", dir, ref); status != 0 {
		t.Fatal(stderr)
	}
	if status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", ref, "--repo", safe); status != 4 || stdout != "" {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	reg.On(http.MethodGet, "/blobs/", leiocitest.Always, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write([]byte("something else"))
	})
	if status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", ref, "--repo", safe, "--attempts", "1"); status != 4 || stdout != "" {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
}

func TestADamagedIndexChangesNoDecision(t *testing.T) {
	dir := writeMany(t, report("https://example.org/bad", `"critical"`))
	if err := snapshot.Index(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, snapshot.IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(good); at += 997 {
		damage(t, dir, snapshot.IndexFile, func([]byte) []byte {
			bad := bytes.Clone(good)
			bad[at] ^= 0x55
			return bad
		})
		status, stdout, stderr := leiociFed(t, t.TempDir(), "", "check", dir, "--repo", safe, "--repo", "example.org/bad", "--repo", "example.org/r0")
		if status != 6 || !strings.Contains(stdout, "3 checked, 1 fail: 1 critical, 2 low") {
			t.Errorf("byte %d: %d, %q, %q", at, status, stdout, stderr)
		}
	}
	if status, stdout, stderr := leiociFed(t, t.TempDir(), "", "diff", dir, dir); status != 0 || !strings.Contains(stdout, "2002 unchanged") {
		t.Errorf("%d, %q, %q", status, stdout, stderr)
	}
	now, err := os.ReadFile(filepath.Join(dir, snapshot.IndexFile))
	if err != nil || bytes.Equal(now, good) {
		t.Errorf("the directory was written to: %v", err)
	}
}

// TestADirectoryThatIsExchangedIsOneOrTheOther exchanges the directory all the time: a check sees one
// snapshot whole, and never fails.
func TestADirectoryThatIsExchangedIsOneOrTheOther(t *testing.T) {
	a, b := writeMany(t, report("https://example.org/x", `"critical"`)), writeMany(t, report("https://example.org/y", `"critical"`))
	if err := snapshot.Index(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	dir, stop, stopped := filepath.Join(work, "lei"), make(chan struct{}), make(chan struct{})
	exchange := func(to string) {
		if err := os.Symlink(to, dir+".new"); err != nil {
			t.Error(err)
		}
		if err := os.Rename(dir+".new", dir); err != nil {
			t.Error(err)
		}
	}
	exchange(a)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				exchange(b)
				exchange(a)
			}
		}
	}()
	for range 30 {
		status, stdout, stderr := leiociFed(t, work, "", "check", dir, "--repo", "example.org/x", "--repo", "example.org/y")
		if status != 6 || !strings.Contains(stdout, "2 checked, 2 fail: 1 critical, 1 unknown") {
			t.Errorf("%d, %q, %q", status, stdout, stderr)
		}
	}
	close(stop)
	<-stopped
}
