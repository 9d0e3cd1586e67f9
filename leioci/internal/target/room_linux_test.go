package target_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// withLimit is the environment variable that says that a test runs in a process of its own.
const withLimit = "TARGET_TEST_WITH_LIMIT"

// inProcess runs a test in a process of its own, because a limit on files is one on all of a
// process's. It reports whether this is that process.
func inProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(withLimit) != "" {
		return true
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), withLimit+"=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return false
}

// limitFiles makes files of this process fail to grow beyond a size, as on a full disk.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	signal.Ignore(syscall.SIGXFSZ)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}))
	return func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }
}

func hasIndex(t *testing.T, dir string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, snapshot.IndexFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

var indexed = target.Policy{VerifyReports: true, IndexReports: true}

func TestAnIndexThatHasNoRoomIsMadeWhenThereIs(t *testing.T) {
	if !inProcess(t) {
		return
	}
	p := publish(t, monday, reportA)
	dir := installed(t, p)
	memory := &target.Memory{}
	lift := limitFiles(t, 4000) // less than the header
	for _, want := range []bool{false, true} {
		res, err := p.install(t, openWith(dir, indexed, memory))
		must(t, err)
		if !res.UpToDate || hasIndex(t, dir) != want {
			t.Errorf("%+v, index %v, want %v", res, !want, want)
		}
		lift()
	}
}

func TestAFileIsReusedThoughThereIsNoRoomForACopy(t *testing.T) {
	if !inProcess(t) {
		return
	}
	random := make([]byte, 20_000)
	_, _ = rand.Read(random) // never fails
	report := strings.Replace(reportA, `"}`, `","x":`+quoted(t, random)+`}`, 1)
	p := publish(t, monday, report)
	dir := installed(t, p)
	must(t, os.Remove(filepath.Join(dir, "oci-manifest.json")))
	p.fetched = nil
	limitFiles(t, 10_000)
	res, err := p.install(t, open(dir, indexed))
	must(t, err)
	if res.UpToDate || len(p.fetched) > 0 {
		t.Errorf("fetched %q: %+v", p.fetched, res)
	}
}

func quoted(t *testing.T, data []byte) string {
	t.Helper()
	text, err := json.Marshal(data)
	must(t, err)
	return string(text)
}
