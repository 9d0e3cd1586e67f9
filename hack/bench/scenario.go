//go:build unix

package main

import (
	"context"
	"time"
)

// scenario is one thing to measure. Its name is the beginning of the names of its rows.
type scenario struct {
	name   string
	rounds int // in the short form; 0: only in the full form
	full   int
	run    func(ctx context.Context, h *harness, rounds int) ([]row, error)
}

type size struct {
	name  string
	bytes int64
}

func sizes() []size {
	return []size{{"64 KiB", 64 << 10}, {"16 MiB", 16 << 20}, {"256 MiB", 256 << 20}, {"1 GiB", 1 << 30}}
}

// A round trip of 50 ms, and a cap for each connection.
const (
	oneWay  = 25 * time.Millisecond
	linkCap = 20_000_000
)

func scenarios() []scenario {
	list := []scenario{
		{"version", 21, 41, startUp},
		{"snapshot", 5, 11, snapshots},
		{"requests", 1, 1, requests(false)},
		{"requests with tokens", 1, 1, requests(true)},
	}
	rounds := map[string][2]int{"64 KiB": {21, 41}, "16 MiB": {11, 21}, "256 MiB": {5, 11}, "1 GiB": {0, 5}}
	for _, s := range sizes() {
		n := rounds[s.name]
		list = append(list,
			scenario{"push " + s.name, n[0], n[1], pushes(s.bytes, "push "+s.name, nil)},
			scenario{"pull " + s.name, n[0], n[1], pulls(s.bytes, "pull "+s.name, nil)})
	}
	far, capped := &quality{Delay: oneWay}, &quality{Delay: oneWay, Rate: linkCap}
	setUp := &quality{Delay: oneWay, SetUp: true}
	list = append(list,
		scenario{"push 64 KiB at 50 ms and set-up", 5, 11, pushes(64<<10, "push 64 KiB at 50 ms and set-up", setUp)},
		scenario{"pull 64 KiB at 50 ms and set-up", 5, 11, pulls(64<<10, "pull 64 KiB at 50 ms and set-up", setUp)},
		scenario{"push 64 KiB at 50 ms", 5, 11, pushes(64<<10, "push 64 KiB at 50 ms", far)},
		scenario{"pull 64 KiB at 50 ms", 5, 11, pulls(64<<10, "pull 64 KiB at 50 ms", far)},
		scenario{"pull 64 MiB at 20 MB/s", 1, 5, pulls(64<<20, "pull 64 MiB at 20 MB/s", capped)})
	for _, s := range sizes()[:2] {
		list = append(list,
			scenario{"library push " + s.name, 5, 11, libraries(s.bytes, "library push "+s.name, pushLibrary)},
			scenario{"library pull " + s.name, 5, 11, libraries(s.bytes, "library pull "+s.name, pullLibrary)})
	}
	return list
}
