//go:build unix

package main

import (
	"context"
	"debug/elf"
	"os"

	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
)

// startUp measures the version command, which does nothing, and the size of the binary.
func startUp(ctx context.Context, h *harness, rounds int) ([]row, error) {
	at := h.newPlace("")
	samples, err := h.inTurn(ctx, rounds, func() ([]attempt, error) {
		var attempts []attempt
		for _, p := range h.programs[1:] {
			attempts = append(attempts, attempt{p.name, p.command(h.dir, at, []string{"version"}), nil})
		}
		return attempts, nil
	})
	if err != nil {
		return nil, err
	}
	base := measure.Median(samples["crane"], wall)
	time := row{name: "version: wall ÷ crane", format: "%.2f", figures: map[string]float64{}, base: "crane " + milliseconds(base)}
	peak := row{name: "version: peak MiB", format: "%.1f", figures: map[string]float64{}}
	binary := row{name: "version: stripped binary, MB", format: "%.1f", figures: map[string]float64{}}
	for _, p := range h.programs[1:] {
		time.figures[p.name] = measure.Median(samples[p.name], wall) / base
		peak.figures[p.name] = measure.Median(samples[p.name], peakMiB)
		if isStripped(p.path) {
			info, err := os.Stat(p.path)
			if err != nil {
				return nil, err
			}
			binary.figures[p.name] = float64(info.Size()) / 1e6
		}
	}
	return []row{time, peak, binary}, nil
}

// isStripped reports whether a binary has no symbol table. The tools in .bin have one.
func isStripped(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	binary, err := elf.NewFile(f)
	return err == nil && binary.Section(".symtab") == nil // not an ELF file on other platforms
}
