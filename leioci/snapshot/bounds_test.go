package snapshot_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// bomb opens a snapshot of 10 GiB of repeated text, which is about 10 MB of gzip.
func bomb(t *testing.T, text string, rawSize int64) *snapshot.Snapshot {
	t.Helper()
	const memberBytes, total = 8 << 20, 10 << 30
	cache := bytes.Repeat(compress(t, strings.Repeat(text, memberBytes/len(text))), total/memberBytes)
	m := describing("", cache)
	m["raw_size"] = rawSize
	return open(t, write(t, m, cache))
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestALineOfTenGigabytesIsRefusedInBoundedMemory(t *testing.T) {
	for _, text := range []string{"a", "\x00"} {
		s := bomb(t, text, 10<<30)
		n := 0
		got := allocated(func() {
			for report, err := range s.Reports(t.Context()) {
				n++
				wantLineError(t, err, 1, snapshot.ErrTooLarge)
				if report.Raw != nil {
					t.Errorf("got %d bytes", len(report.Raw))
				}
			}
		})
		if n != 1 || got >= 128<<20 {
			t.Errorf("%d steps, %d MiB allocated", n, got>>20)
		}
		wantLineError(t, s.Verify(t.Context()), 1, snapshot.ErrTooLarge)
	}
}

func TestContentBeyondTheRawSizeEndsTheReading(t *testing.T) {
	s := bomb(t, "{}\n", 1000)
	var last error
	n := int64(0)
	got := allocated(func() {
		for _, err := range s.Reports(t.Context()) {
			n++
			last = err
		}
	})
	wantLineError(t, last, 334, snapshot.ErrMismatch)
	if n != 334 || got >= 16<<20 {
		t.Errorf("%d steps, %d MiB allocated", n, got>>20)
	}
	if want := "line 334: raw size: manifest.json says 1000, found more"; !strings.HasSuffix(last.Error(), want) {
		t.Errorf("got %q, want %q", last, want)
	}
}

func TestTheRawSizeIsExact(t *testing.T) {
	content := line("a") + line("b")
	cache := compress(t, content)
	for _, test := range []struct {
		size int
		line int64 // of the error
	}{{0, 1}, {1, 1}, {len(line("a")) - 1, 1}, {len(line("a")), 2}, {len(content) - 1, 2}} {
		m := describing(content, cache)
		m["raw_size"] = test.size
		reports := int64(0)
		for _, err := range open(t, write(t, m, cache)).Reports(t.Context()) {
			if err == nil {
				reports++
				continue
			}
			wantLineError(t, err, test.line, snapshot.ErrMismatch)
		}
		if reports != test.line-1 {
			t.Errorf("raw size %d: %d reports", test.size, reports)
		}
	}
}

func TestALineMayBeAsLongAsTheLimitAndNoLonger(t *testing.T) {
	padded := func(size int) string {
		const start, end = `{"data":{"repo":"long"},"x":"`, `"}`
		return start + strings.Repeat("x", size-len(start)-len(end)) + end
	}
	for _, size := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, 200_000, snapshot.MaxLineBytes} {
		for _, newline := range []string{"", "\n"} {
			s := openContent(t, line("a")+padded(size)+newline)
			var repos string
			for report, err := range s.Reports(t.Context()) {
				if err != nil {
					t.Fatal(size, err)
				}
				repos += report.Repo
				if report.Line == 2 && len(report.Raw) != size {
					t.Errorf("%d bytes, want %d", len(report.Raw), size)
				}
			}
			if repos != "along" {
				t.Errorf("%d bytes: got %q", size, repos)
			}
		}
	}
	for _, newline := range []string{"", "\n", "\n" + line("b")} {
		var last error
		for _, err := range openContent(t, line("a")+padded(snapshot.MaxLineBytes+1)+newline).Reports(t.Context()) {
			last = err
		}
		wantLineError(t, last, 2, snapshot.ErrTooLarge)
	}
}

func TestANameOfAnyLengthIsSpelledInBoundedMemory(t *testing.T) {
	const n = 1 << 15
	for _, host := range []string{"git.example.org", "gitlab.com"} {
		name := "http://" + host + strings.Repeat("/A", n)
		if got := allocated(func() { snapshot.CanonicalRepo(name) }); got >= 16<<20 {
			t.Errorf("%s: %d MiB allocated", host, got>>20)
		}
	}
}

func TestARawSizeOfAnyIntegerIsRead(t *testing.T) {
	for _, size := range []int64{0, 1, 1<<31 - 1, 1<<63 - 2, 1<<63 - 1} {
		cache := compress(t, line("a"))
		m := describing(line("a"), cache)
		m["raw_size"] = size
		s := open(t, write(t, m, cache))
		if err := s.Verify(t.Context()); !errors.Is(err, snapshot.ErrMismatch) {
			t.Errorf("%d: got %v", size, err)
		}
	}
}
