//go:build unix

package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary a program to measure.
func TestMain(m *testing.M) {
	switch os.Getenv("MEASURED") {
	case "fail":
		fmt.Fprintln(os.Stderr, "reason")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

func launcher(t *testing.T) Launcher {
	t.Helper()
	path := filepath.Join(t.TempDir(), "launch")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/launch").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return Launcher(path)
}

func TestTheFiguresAreThoseOfTheProgramAlone(t *testing.T) {
	l := launcher(t)
	dd, err := exec.LookPath("dd")
	if err != nil {
		t.Skip(err)
	}
	large, err := l.Run(t.Context(), Command{Path: dd, Args: []string{"if=/dev/zero", "of=/dev/null", "bs=67108864", "count=1"}})
	if err != nil {
		t.Fatal(err)
	}
	if large.PeakKiB < 64<<10 || large.PeakKiB > 80<<10 || large.CPU <= 0 || large.Wall <= 0 {
		t.Errorf("a program with 64 MiB: %+v", large)
	}
	ballast := bytes.Repeat([]byte{1}, 128<<20) // of this process, which a child must not inherit
	small, err := l.Run(t.Context(), Command{Path: "/bin/sh", Args: []string{"-c", ":"}})
	if err != nil {
		t.Fatal(err)
	}
	if small.PeakKiB > 16<<10 || ballast[0] != 1 {
		t.Errorf("a small program, started by a large one: %+v", small)
	}
}

func TestAFailureSaysWhatTheProgramPrinted(t *testing.T) {
	l := launcher(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Run(t.Context(), Command{Path: self, Env: []string{"MEASURED=fail"}}); err == nil || !strings.Contains(err.Error(), "exit status 3: reason") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Run(t.Context(), Command{Path: "/nonexistent"}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
	if _, err := l.Run(ctx, Command{Path: self, Env: []string{"MEASURED=hang"}}); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	self := func(v float64) float64 { return v }
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 100, 2}, 3}} {
		if got := Median(tt.values, self); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.values, got, tt.want)
		}
	}
}
