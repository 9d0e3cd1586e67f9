package limit

import (
	"slices"
	"sync"
)

// Sent remembers the last credentials that a client has sent. A registry can repeat them later, in
// an error of a request that does not carry them: a password goes to its token server alone. The
// zero value remembers none yet.
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
		if len(c) < minSecret {
			continue
		}
		if i := slices.Index(s.recent, c); i >= 0 {
			s.recent = slices.Delete(s.recent, i, i+1) // what is in use is not forgotten for what was used once
		}
		s.recent = append(s.recent, c)
		s.recent = slices.Delete(s.recent, 0, max(0, len(s.recent)-maxSent))
	}
}

// None reports whether s remembers none.
func (s *Sent) None() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.recent) == 0
}

// Hide returns text without the credentials that s remembers, however they are encoded. A registry
// can repeat them in more than the body of an error: in a URL that it redirects to, in the
// challenge that names its token server, in a media type.
func (s *Sent) Hide(text string) string {
	// Nothing decodes to more than twice its length, so most tokens are too long for a URL.
	secrets := slices.DeleteFunc(s.all(), func(secret string) bool { return len(secret) > 2*len(text) })
	if len(secrets) == 0 {
		return text
	}
	if len(text) > maxErrorBytes {
		text = text[:maxErrorBytes]
	}
	return string(remove([]byte(text), encoded(secrets), len(text) == maxErrorBytes))
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
