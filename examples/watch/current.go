package main

import (
	"sync"

	"github.com/sirupsen/logrus"
)

// current holds the index in use. Requests share it. A replaced index is closed after its last
// request.
type current struct {
	log logrus.FieldLogger

	mu     sync.Mutex
	active *shared // nil before the first snapshot
}

// shared is an index with its number of users, including current itself.
type shared struct {
	*index
	users int
}

// acquire returns the index in use, or nil if there is none, and a function that releases it.
func (c *current) acquire() (*index, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.active
	if s == nil {
		return nil, func() {}
	}
	s.users++
	return s.index, func() { c.release(s) }
}

// swap replaces the index in use with ix, or with none if ix is nil. New requests get ix.
func (c *current) swap(ix *index) {
	c.mu.Lock()
	old := c.active
	c.active = nil
	if ix != nil {
		c.active = &shared{ix, 1}
	}
	c.mu.Unlock()
	if old != nil {
		c.release(old)
	}
}

// info describes the snapshot in use. It returns nil if there is none.
func (c *current) info() *info {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active == nil {
		return nil
	}
	info := c.active.info
	return &info
}

func (c *current) release(s *shared) {
	c.mu.Lock()
	s.users--
	last := s.users == 0
	c.mu.Unlock()
	if !last {
		return
	}
	if err := s.close(); err != nil {
		c.log.WithError(err).Warn("cannot remove the index of the old snapshot")
	}
}
