package registry

import (
	"sync/atomic"
	"time"
)

const (
	// measured is for how long a stream is watched before it is judged, and judged again. Only the
	// time counts in which it was waited for: a slow disk does not make a slow stream.
	measured = 50 * time.Millisecond
	// fast is the rate, in bytes a second, from which one stream is enough.
	fast = 60 << 20
	// Division must pay for connections, handshakes and redirects: so much must be left, and take so
	// long at the present rate.
	leastLeft = 4 << 20
	leastTime = 500 * time.Millisecond
	// So must each part, at that rate, and for a multiple of the time until the stream began.
	leastPart     = 1 << 20
	leastPartTime = 150 * time.Millisecond
	latencyFactor = 3
	// worthwhile is what must be in a piece that does not grow: it costs a request to go on after it.
	worthwhile = 256 << 10
	// mostRanges is how many ranges there are besides the stream.
	mostRanges = 5
	// patience is how long a range may at least take for more than its share of time.
	patience = time.Second
)

// A meter measures a stream.
type meter struct {
	bytes int64
	took  time.Duration
}

// read notes a Read, and returns the rate in bytes a second if it is time to judge.
func (m *meter) read(n int, took time.Duration) (rate float64, ok bool) {
	m.bytes += int64(n)
	m.took += took
	if m.took < measured {
		return 0, false
	}
	rate = perSecond(m.bytes, m.took)
	*m = meter{}
	return rate, true
}

// rangesFor returns in how many ranges to fetch what is left of a blob, besides a stream with this
// rate, which began after so long: often in none.
func rangesFor(rate float64, latency time.Duration, left int64) int {
	if rate >= fast || left < leastLeft || float64(left) < rate*leastTime.Seconds() {
		return 0
	}
	part := max(leastPart, rate*max(leastPartTime, latencyFactor*latency).Seconds())
	return max(0, min(mostRanges, int(float64(left)/part)-1))
}

func perSecond(bytes int64, took time.Duration) float64 {
	return float64(bytes) / max(took, time.Nanosecond).Seconds()
}

// A split is the division of what is left of a blob. The zero value is one that is over.
type split struct {
	open   bool    // ranges are not yet read to their end
	rate   float64 // of the stream alone, in bytes a second
	before int64   // bytes that had come in ranges earlier
	begun  time.Time
	begin  int64 // of the stream's part

	length int64         // of the stream's part; 0 until it was read
	took   time.Duration // to read it
	ended  atomic.Int64  // when the last range ended, in nanoseconds since begun
}

// passed notes that the stream's part was read up to an offset.
func (s *split) passed(pos int64) {
	if s.open && s.length == 0 {
		s.length, s.took = pos-s.begin, time.Since(s.begun)
	}
}

// lags reports whether a range is so far behind that a new stream is better: it had more time than
// the stream for its own part, and has brought less than half of what the stream did in that time.
func (s *split) lags(p *piece) bool {
	elapsed := time.Since(s.begun)
	return elapsed >= s.took+patience && perSecond(p.n.Load()-p.file.Size(), elapsed) < perSecond(s.length, s.took)/2
}

// helped reports whether all together were faster than the stream was alone. ranged is how many
// bytes have come in ranges, of all splits.
func (s *split) helped(ranged int64) bool {
	const least = 1.2
	took := max(s.took, time.Duration(s.ended.Load()))
	return perSecond(s.length+ranged-s.before, took) >= least*s.rate
}
