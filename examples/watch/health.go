package main

import (
	"net/http"
	"time"
)

// live handles GET /livez: the process is alive if it responds at all.
func (s *service) live(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusOK, probe{"alive"})
}

// ready handles GET /readyz. An old snapshot is as ready as any: otherwise, a publisher that stops
// would take every replica out of service at the same time.
func (s *service) ready(w http.ResponseWriter, _ *http.Request) {
	if s.current.info() == nil {
		s.reply(w, http.StatusServiceUnavailable, probe{stateNone})
		return
	}
	s.reply(w, http.StatusOK, probe{"ready"})
}

// probe is the response of GET /livez and /readyz.
type probe struct {
	Status string `json:"status"`
}

// health is the response of GET /healthz. The package comment explains it.
type health struct {
	Status   string `json:"status"`
	Snapshot *info  `json:"snapshot"`
	provenance
	AgeSeconds    *int64     `json:"age_seconds"`
	MaxAgeSeconds int64      `json:"max_age_seconds"`
	LastChecked   *time.Time `json:"last_checked"`
	LastError     *failure   `json:"last_error"`
}

// The states of the service. Without a snapshot it is unhealthy; with a stale one it still serves.
const (
	stateOK    = "ok"
	stateStale = "stale"
	stateNone  = "no snapshot"
)

func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	h := health{Status: stateNone, Snapshot: s.current.info(), MaxAgeSeconds: int64(s.maxAge.Seconds())}
	checked, last := s.status.get()
	h.LastError = last
	if !checked.IsZero() {
		checked = checked.UTC()
		h.LastChecked = &checked
	}
	if h.Snapshot != nil {
		age := h.Snapshot.age()
		seconds := int64(age.Seconds())
		h.Status, h.AgeSeconds = stateOK, &seconds
		h.provenance = s.status.from(h.Snapshot.Digest)
		if s.maxAge > 0 && age > s.maxAge || h.expired() {
			h.Status = stateStale
		}
	}
	code := http.StatusOK
	if h.Status == stateNone {
		code = http.StatusServiceUnavailable
	}
	s.reply(w, code, h)
}
