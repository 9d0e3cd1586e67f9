package leioci_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// writeSized returns a snapshot whose cache has n bytes.
func writeSized(b *testing.B, n int64) string {
	b.Helper()
	dir := leiocitest.WriteSnapshot(b, monday)
	if err := os.Truncate(filepath.Join(dir, "cache.jsonl.gz"), n); err != nil {
		b.Fatal(err)
	}
	return dir
}

func BenchmarkPackage(b *testing.B) {
	for _, size := range []int64{64 << 10, 16 << 20} {
		dir := writeSized(b, size)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if _, err := leioci.Package(b.Context(), dir); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPullSnapshot(b *testing.B) {
	for _, size := range []int64{64 << 10, 16 << 20} {
		reg := leiocitest.NewRegistry(b)
		c, repo := newClient(b), repository(b, reg)
		pushSnapshot(b, c, reg, writeSized(b, size), "latest")
		dir := b.TempDir()
		b.Run(fmt.Sprintf("first/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(size)
			for n := 0; b.Loop(); n++ {
				if _, err := c.PullSnapshot(b.Context(), repo.Tag("latest"), filepath.Join(dir, fmt.Sprint(n))); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("repeated/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				res, err := c.PullSnapshot(b.Context(), repo.Tag("latest"), filepath.Join(dir, "0"))
				if err != nil || !res.UpToDate {
					b.Fatal(res, err)
				}
			}
		})
	}
}

// BenchmarkPushSnapshot also counts the registry's allocations; it keeps its content in memory.
func BenchmarkPushSnapshot(b *testing.B) {
	for _, size := range []int64{64 << 10, 16 << 20} {
		dir := writeSized(b, size)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(size)
			img, err := leioci.Package(b.Context(), dir)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				b.StopTimer()
				reg := leiocitest.NewRegistry(b) // an empty one, so that every blob is sent
				c, repo := newClient(b), repository(b, reg)
				b.StartTimer()
				if _, err := c.PushSnapshot(b.Context(), repo, []string{"2026-02-09", "latest"}, img); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
