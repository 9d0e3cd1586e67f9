//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"github.com/lowendinsight/lei-go/hack/bench/internal/inprocess"
	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
)

// operation returns what to do once, with a library.
type operation func(ctx context.Context, l inprocess.Library, pulled string, c *inprocess.Contents) func() error

func pushLibrary(ctx context.Context, l inprocess.Library, _ string, c *inprocess.Contents) func() error {
	return func() error { return l.Push(ctx, inprocess.NewRepository(), "latest", c) }
}

func pullLibrary(ctx context.Context, l inprocess.Library, pulled string, _ *inprocess.Contents) func() error {
	return func() error { return l.Pull(ctx, pulled, "latest") }
}

// libraries measures Go libraries in this process, in turn.
func libraries(bytes int64, name string, op operation) func(context.Context, *harness, int) ([]row, error) {
	return func(ctx context.Context, h *harness, rounds int) ([]row, error) {
		a, err := h.artifact(ctx, bytes)
		if err != nil {
			return nil, err
		}
		at, err := h.seed(ctx, a, h.registry.Host)
		if err != nil {
			return nil, err
		}
		contents, err := inprocess.Load(a)
		if err != nil {
			return nil, err
		}
		list, err := inprocess.Libraries(h.registry.Host)
		if err != nil {
			return nil, err
		}
		results := map[string][]testing.BenchmarkResult{}
		for range rounds {
			for _, l := range list {
				result, err := benchmark(op(ctx, l, at.repo, contents))
				if err != nil {
					return nil, fmt.Errorf("%s: %w", l.Name, err)
				}
				results[l.Name] = append(results[l.Name], result)
			}
		}
		return libraryRows(name, h.firstJudged(), results), nil
	}
}

// benchmark runs a function as a Go benchmark of a fifth of a second.
func benchmark(do func() error) (testing.BenchmarkResult, error) {
	if err := flag.Set("test.benchtime", "200ms"); err != nil {
		return testing.BenchmarkResult{}, err
	}
	var failure error
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if failure = do(); failure != nil {
				b.FailNow()
			}
		}
	})
	return result, failure
}

// libraryRows returns medians. Each library is in the column of the program that is made with it.
// leioci's new client has rows of its own.
func libraryRows(name, judged string, results map[string][]testing.BenchmarkResult) []row {
	times := row{name: name + ": time", format: "%.2f", figures: map[string]float64{}}
	allocations := row{name: name + ": allocations", format: "%.0f", figures: map[string]float64{}}
	newTimes := row{name: name + ", new client: time", format: "%.2f", figures: map[string]float64{}}
	newAllocations := row{name: name + ", new client: allocations", format: "%.0f", figures: map[string]float64{}}
	least := measure.Median(results[inprocess.LeastWork], perOperation)
	times.base = milliseconds(least)
	newTimes.base = times.base
	allocations.base = fmt.Sprintf("%.0f", measure.Median(results[inprocess.LeastWork], allocationsPerOperation))
	newAllocations.base = allocations.base
	for library, r := range results {
		time, count := measure.Median(r, perOperation)/least, measure.Median(r, allocationsPerOperation)
		switch library {
		case inprocess.GGCR:
			times.figures["crane"], allocations.figures["crane"] = time, count
		case inprocess.ORAS:
			times.figures["oras"], allocations.figures["oras"] = time, count
		case inprocess.KeptClient:
			times.figures[judged], allocations.figures[judged] = time, count
		case inprocess.NewClient:
			newTimes.figures[judged], newAllocations.figures[judged] = time, count
		}
	}
	return []row{times, newTimes, allocations, newAllocations}
}

func perOperation(r testing.BenchmarkResult) float64            { return float64(r.NsPerOp()) }
func allocationsPerOperation(r testing.BenchmarkResult) float64 { return float64(r.AllocsPerOp()) }
