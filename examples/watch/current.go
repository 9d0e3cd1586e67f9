package main

import (
	"sync"

	"github.com/sirupsen/logrus"
)

// current is the index in use. Requests share it; one that is replaced is closed after its last request.
type current struct {
	log logrus.FieldLogger

	mu sync.Mutex
	in *shared // nil before the first snapshot
}

// shared is an index and how many use it, current itself included.
type shared struct {
	*index
	users int
}

// acquire returns the index to answer a request from, or nil if there is none, and what to call when that is done.
func (c *current) acquire() (*index, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.in
	if s == nil {
		return nil, func() {}
	}
	s.users++
	return s.index, func() { c.release(s) }
}

// swap puts ix, or nil for none, in the place of the index in use. Requests that begin from now on get it.
func (c *current) swap(ix *index) {
	c.mu.Lock()
	old := c.in
	c.in = nil
	if ix != nil {
		c.in = &shared{ix, 1}
	}
	c.mu.Unlock()
	if old != nil {
		c.release(old)
	}
}

// info returns what is in use, if something is.
func (c *current) info() *info {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in == nil {
		return nil
	}
	info := c.in.info
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
		c.log.WithError(err).Warn("the index of an old snapshot could not be removed")
	}
}
