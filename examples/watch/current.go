package main

import (
	"context"
	"sync"

	"github.com/sirupsen/logrus"
)

// current holds the snapshot in use. Requests share it. A replaced one is closed after its last
// request.
type current struct {
	log logrus.FieldLogger

	mu     sync.Mutex
	active *shared // nil before the first snapshot
}

// shared is a snapshot with its number of users, including current itself.
type shared struct {
	*served
	users int
}

// acquire returns the snapshot in use, or nil if there is none, and a function that releases it.
func (c *current) acquire() (*served, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.active
	if s == nil {
		return nil, func() {}
	}
	s.users++
	return s.served, func() { c.release(s) }
}

// swap replaces the snapshot in use with next, or with none if next is nil. New requests get next.
func (c *current) swap(next *served) {
	c.mu.Lock()
	old := c.active
	c.active = nil
	if next != nil {
		c.active = &shared{next, 1}
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

// indexed reports whether the snapshot in use, if any, is still answered from its index. An index
// that turned out to be damaged is not used any more.
func (c *current) indexed(ctx context.Context) bool {
	s, release := c.acquire()
	defer release()
	if s == nil {
		return false
	}
	ok, err := s.Indexed(ctx)
	return ok && err == nil
}

func (c *current) release(s *shared) {
	c.mu.Lock()
	s.users--
	last := s.users == 0
	c.mu.Unlock()
	if !last {
		return
	}
	if err := s.Close(); err != nil {
		c.log.WithError(err).Warn("cannot close the old snapshot")
	}
}
