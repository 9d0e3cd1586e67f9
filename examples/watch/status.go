package main

import (
	"sync"
	"time"
)

// status records how the watch is doing. It is safe for concurrent use.
type status struct {
	mu      sync.Mutex
	checked time.Time  // when the registry last resolved the reference; zero for never
	failure *failure   // nil after a success
	latest  provenance // of the artifact that was last pulled or found
}

// A failure is the most recent error.
type failure struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

func (s *status) checkedAt(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = t
}

func (s *status) learned(p provenance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = p
}

// from returns where the artifact with a digest is from. It is zero if that is not known.
func (s *status) from(digest string) provenance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest.digest != digest {
		return provenance{}
	}
	return s.latest
}

func (s *status) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = &failure{time.Now().UTC(), err.Error()}
}

func (s *status) succeeded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
}

func (s *status) get() (checked time.Time, last *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked, s.failure
}
