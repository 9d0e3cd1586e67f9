//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/lowendinsight/lei-go/hack/bench/internal/process"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// A timing is something whose time is measured.
type timing struct {
	name string
	do   func() error
}

// snapshots measures package snapshot in this process, without a registry.
func snapshots(ctx context.Context, h *harness, rounds int) ([]row, error) {
	dir, raw := filepath.Join(h.dir, "snapshot"), filepath.Join(h.dir, "reports.jsonl")
	defer func() { _ = os.Remove(raw) }()
	defer func() { _ = os.RemoveAll(dir) }()
	lines, err := writeReports(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := export(ctx, dir, lines); err != nil {
		return nil, err
	}
	long, err := inTurns(rounds, []timing{
		{"gzip", func() error { return process.Command(ctx, "gzip", "-6", "-k", "-f", raw).Run() }},
		{"export", func() error {
			again := dir + ".again"
			return errors.Join(export(ctx, again, lines), os.RemoveAll(again))
		}},
		{"gunzip", func() error { return gunzip(filepath.Join(dir, snapshot.CacheFile)) }},
		{"verify", func() error { return withSnapshot(dir, func(s *snapshot.Snapshot) error { return s.Verify(ctx) }) }},
		{"index", func() error { return snapshot.VerifyAndIndex(ctx, dir) }},
	})
	if err != nil {
		return nil, err
	}
	_ = os.Remove(raw + ".gz")
	share, err := indexShare(dir)
	if err != nil {
		return nil, err
	}
	rows := []row{
		h.snapshotRow("export ÷ gzip -6", "%.2f", long["export"]/long["gzip"], milliseconds(long["gzip"])),
		h.snapshotRow("verify ÷ gunzip", "%.2f", long["verify"]/long["gunzip"], milliseconds(long["gunzip"])),
		h.snapshotRow("verify and index ÷ verify", "%.2f", long["index"]/long["verify"], milliseconds(long["verify"])),
		h.snapshotRow("index, % of the reports", "%.1f", share, ""),
	}
	questions, err := h.questions(ctx, dir)
	return append(rows, questions...), err
}

// questions measures what is asked of a snapshot that has an index.
func (h *harness) questions(ctx context.Context, dir string) (rows []row, err error) {
	const asked = 2001
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for the same questions each time
	some := func() string { return reportName(random.IntN(snapshotReports)) }
	err = withSnapshot(dir, func(s *snapshot.Snapshot) error {
		short, err := inTurns(asked, []timing{
			{"open", func() error { return withSnapshot(dir, func(*snapshot.Snapshot) error { return nil }) }},
			{"risk", func() error {
				answer, err := s.Risk(ctx, some())
				return known(answer, err)
			}},
			{"50 risks", func() error {
				repos := make([]string, 50)
				for i := range repos {
					repos[i] = some()
				}
				answers, err := s.Risks(ctx, repos...)
				return known(answers[len(answers)-1], err)
			}},
			{"report", func() error {
				for _, err := range s.Find(ctx, some()) {
					if err != nil {
						return err
					}
				}
				return nil
			}},
		})
		for _, name := range []string{"open", "risk", "50 risks", "report"} {
			rows = append(rows, h.snapshotRow(name+", µs", "%.1f", short[name]/float64(time.Microsecond), ""))
		}
		return err
	})
	return rows, err
}

// inTurns returns the median of each timing, in nanoseconds.
func inTurns(rounds int, timings []timing) (map[string]float64, error) {
	took := map[string][]float64{}
	for range rounds {
		for _, t := range timings {
			began := time.Now()
			if err := t.do(); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			took[t.name] = append(took[t.name], float64(time.Since(began)))
		}
	}
	medians := map[string]float64{}
	for name, all := range took {
		slices.Sort(all)
		medians[name] = all[len(all)/2]
	}
	return medians, nil
}

func (h *harness) snapshotRow(name, format string, figure float64, base string) row {
	return row{name: "snapshot: " + name, format: format, figures: map[string]float64{h.firstJudged(): figure}, base: base}
}

// gunzip decompresses a file, and nothing else.
func gunzip(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 128<<10))
	return err
}

func withSnapshot(dir string, do func(*snapshot.Snapshot) error) error {
	s, err := snapshot.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// indexShare returns the size of the index, of the size of the reports as they are kept.
func indexShare(dir string) (percent float64, err error) {
	index, err := os.Stat(filepath.Join(dir, snapshot.IndexFile))
	if err != nil {
		return 0, err
	}
	cache, err := os.Stat(filepath.Join(dir, snapshot.CacheFile))
	if err != nil {
		return 0, err
	}
	return 100 * float64(index.Size()) / float64(cache.Size()), nil
}

func known(answer snapshot.Answer, err error) error {
	if err == nil && !answer.Known() {
		err = fmt.Errorf("%w: %s", snapshot.ErrUnknown, answer.Repo)
	}
	return err
}
