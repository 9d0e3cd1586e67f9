//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// snapshotReports is how many reports the snapshot has that is made, verified, indexed and asked.
const snapshotReports = 100_000

func reportName(n int) string {
	return fmt.Sprintf("https://git.example.org/team-%02d/project-%06d", n%1000, n)
}

// writeReports writes reports like those of the original's sample, of 3 KB each, and returns them.
func writeReports(ctx context.Context, path string) (lines [][]byte, err error) {
	var templates [][]byte
	err = withSnapshot(filepath.Join("..", "..", "leioci", "testdata", "lei-0.9.1"), func(s *snapshot.Snapshot) error {
		for report, err := range s.Reports(ctx) {
			if err != nil {
				return err
			}
			templates = append(templates, report.Clone().Raw)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	name, user := regexp.MustCompile(`https://git\.example\.org/team-\d+/project-\d+`), regexp.MustCompile(`user\d{4}`)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for the same reports each time
	for n := range snapshotReports {
		line := name.ReplaceAllLiteral(templates[n%len(templates)], []byte(reportName(n)))
		for _, at := range user.FindAllIndex(line, -1) {
			copy(line[at[0]+len("user"):], strconv.Itoa(1000+random.IntN(9000)))
		}
		if _, err := f.Write(append(line, '\n')); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func export(ctx context.Context, dir string, lines [][]byte) error {
	day := time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)
	w, err := snapshot.Create(dir, snapshot.WriterOptions{Date: day, Created: day})
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := w.Add(line); err != nil {
			return errors.Join(err, w.Discard())
		}
	}
	_, err = w.Commit(ctx)
	return err
}
