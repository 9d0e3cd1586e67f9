package registry

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// mostRangesOfAll is how many ranges a client fetches at the same time, of all blobs.
	mostRangesOfAll = 8
	// restTime is for how long a registry is not asked for ranges at the same time, once that did
	// not work, or was of no use, or the registry wanted less traffic.
	restTime = 10 * time.Minute
)

// ranges bounds the ranges of a client. It is safe for concurrent use.
type ranges struct {
	mu      sync.Mutex
	inUse   int
	resting lru[string, *atomic.Pointer[time.Time]] // until when, by registry
}

// take takes up to so many ranges, and returns how many.
func (r *ranges) take(count int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	count = min(count, mostRangesOfAll-r.inUse)
	r.inUse += count
	return count
}

func (r *ranges) giveBack(count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inUse -= count
}

func (r *ranges) until(place name.Repository) *atomic.Pointer[time.Time] {
	return r.resting.get(CanonicalHost(place.RegistryStr()), func() *atomic.Pointer[time.Time] { return &atomic.Pointer[time.Time]{} })
}

// rest lets the registry of a place have no ranges for a while.
func (r *ranges) rest(place name.Repository) {
	end := time.Now().Add(restTime)
	r.until(place).Store(&end)
}

func (r *ranges) rests(place name.Repository) bool {
	end := r.until(place).Load()
	return end != nil && time.Now().Before(*end)
}

// rest is [ranges.rest] for the place that is read from.
func (r *remainder) rest() { r.source.client.ranges.rest(r.from) }

// isLimited reports whether err is the response of a registry that wants less traffic.
func isLimited(err error) bool {
	if err == nil {
		return false // as almost always: what follows is not free
	}
	_, limited := RateLimited(err)
	var response *transport.Error
	return limited || hasStatus(err, http.StatusTooManyRequests, http.StatusServiceUnavailable) ||
		errors.As(err, &response) && hasCode(response, transport.TooManyRequestsErrorCode)
}

// servesRanges reports whether the sender of a response to a request for some bytes, or for the
// whole, may serve ranges on connections of their own. On the one connection of HTTP/2, several are
// no faster than one.
func servesRanges(resp *http.Response, bytes string) bool {
	ignored := bytes != "" && resp.StatusCode != http.StatusPartialContent
	return resp.ProtoMajor < 2 && !ignored && !strings.EqualFold(resp.Header.Get("Accept-Ranges"), "none")
}
