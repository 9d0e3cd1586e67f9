package main

import "time"

const (
	// window is the time over which a rate is taken.
	window = 10 * time.Second
	// samples is how many points of it are kept.
	samples = 20
)

// A meter measures how fast a number of bytes grows.
type meter struct{ points []point }

type point struct {
	at    time.Time
	bytes int64
}

// note takes the number at a time. If it went back, what was before says nothing. Nor does it if the
// clock went back.
func (m *meter) note(bytes int64, at time.Time) {
	if n := len(m.points); n > 0 {
		last := m.points[n-1]
		switch {
		case bytes < last.bytes || at.Before(last.at):
			m.points = nil
		case n > 1 && at.Sub(m.points[n-2].at) < window/samples:
			m.points[n-1] = point{at, bytes}
			return
		}
	}
	m.points = append(m.points, point{at, bytes})
	for len(m.points) > 2 && at.Sub(m.points[1].at) >= window {
		m.points = m.points[1:]
	}
}

// rate returns the rate in bytes a second, or 0 if it is not known. What has come to a halt slows
// down.
func (m *meter) rate(now time.Time) float64 {
	if len(m.points) < 2 {
		return 0
	}
	first, last := m.points[0], m.points[len(m.points)-1]
	took := max(last.at.Sub(first.at), now.Sub(first.at))
	if took <= 0 {
		return 0
	}
	return float64(last.bytes-first.bytes) / took.Seconds()
}
