package inprocess

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/hack/bench/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// hostVariable names the registry for the benchmarks. Without it, they start one in this process,
// whose allocations are then counted, too.
const hostVariable = "BENCH_REGISTRY"

func host(t testing.TB) string {
	t.Helper()
	if host := os.Getenv(hostVariable); host != "" {
		return host
	}
	server := httptest.NewServer(leiocitest.NewHandler())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func load(t testing.TB, size int64) *Contents {
	t.Helper()
	a, err := artifact.New(t.Context(), t.TempDir(), size)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func eachLibrary[T testing.TB](t T, run func(name string, f func(T)) bool, f func(t T, l Library)) {
	list, err := Libraries(host(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		run(l.Name, func(t T) { f(t, l) })
	}
}

func BenchmarkPush(b *testing.B) {
	for _, size := range []int64{64 << 10, 16 << 20} {
		c := load(b, size)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			eachLibrary(b, b.Run, func(b *testing.B, l Library) {
				b.ReportAllocs()
				for b.Loop() {
					if err := l.Push(b.Context(), NewRepository(), "latest", c); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func BenchmarkPull(b *testing.B) {
	for _, size := range []int64{64 << 10, 16 << 20} {
		c := load(b, size)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			eachLibrary(b, b.Run, func(b *testing.B, l Library) {
				repo := NewRepository()
				if err := l.Push(b.Context(), repo, "latest", c); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := l.Pull(b.Context(), repo, "latest"); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func TestEveryLibraryPushesAndPulls(t *testing.T) {
	c := load(t, 64<<10)
	eachLibrary(t, t.Run, func(t *testing.T, l Library) {
		repo := NewRepository()
		if err := l.Pull(t.Context(), repo, "latest"); err == nil {
			t.Error("pulled what is not there")
		}
		if err := l.Push(t.Context(), repo, "latest", c); err != nil {
			t.Error(err)
		}
		if err := l.Pull(t.Context(), repo, "latest"); err != nil {
			t.Error(err)
		}
	})
}
