//go:build unix

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
)

func wall(s measure.Sample) float64    { return float64(s.Wall) }
func cpu(s measure.Sample) float64     { return float64(s.CPU) }
func peakMiB(s measure.Sample) float64 { return float64(s.PeakKiB) / 1024 }

// transferRows returns the rows of a push or a pull: medians, those of time as ratios to least work.
func transferRows(name string, samples map[string][]measure.Sample, all bool) []row {
	rows := []row{ratios(name+": wall", samples, wall)}
	if !all {
		return rows // of a slow link, only time is of interest
	}
	rows = append(rows, ratios(name+": CPU", samples, cpu))
	peak := row{name: name + ": peak MiB", format: "%.1f", figures: map[string]float64{}}
	for program, s := range samples {
		peak.figures[program] = measure.Median(s, peakMiB)
	}
	peak.base = fmt.Sprintf("%.1f", peak.figures[leastWork])
	return splitVerified(append(rows, peak))
}

func ratios(name string, samples map[string][]measure.Sample, of func(measure.Sample) float64) row {
	least := measure.Median(samples[leastWork], of)
	r := row{name: name, format: "%.2f", figures: map[string]float64{}, base: milliseconds(least)}
	for program, s := range samples {
		r.figures[program] = measure.Median(s, of) / least
	}
	return r
}

func milliseconds(ns float64) string { return fmt.Sprintf("%.1f ms", ns/float64(time.Millisecond)) }

// splitVerified moves the figures of verified pushes into rows of their own, which have no target.
func splitVerified(rows []row) []row {
	var split []row
	for _, r := range rows {
		own := r
		own.figures = map[string]float64{}
		for program, figure := range r.figures {
			if name, ok := strings.CutSuffix(program, verifiedSuffix); ok {
				own.figures[name] = figure
				delete(r.figures, program)
			}
		}
		split = append(split, r)
		if len(own.figures) > 0 {
			scenario, metric, _ := strings.Cut(r.name, ": ")
			own.name = scenario + ", verified first: " + metric
			split = append(split, own)
		}
	}
	return split
}
