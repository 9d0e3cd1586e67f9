package limit

import (
	"slices"
	"sync"
)

// Sent remembers the last credentials that a client has sent. A registry can repeat them later, in an
// error of a request that does not carry them: a password goes to its token server alone. The zero
// value remembers none yet.
type Sent struct {
	mu     sync.Mutex
	recent []string
}

// maxSent is enough for the credentials and tokens of a few registries.
const maxSent = 32

// add remembers credentials. s may be nil.
func (s *Sent) add(credentials []string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range credentials {
		if len(c) < minSecret || slices.Contains(s.recent, c) {
			continue
		}
		s.recent = append(s.recent, c)
		s.recent = slices.Delete(s.recent, 0, max(0, len(s.recent)-maxSent))
	}
}

// all returns what s remembers.
func (s *Sent) all() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.recent)
}
