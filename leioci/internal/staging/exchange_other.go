//go:build !linux && !darwin

package staging

import "errors"

func moveNew(from, to string) error { return moveIfAbsent(from, to) }

// exchange is not available as a single call here.
func exchange(string, string) error { return errors.ErrUnsupported }
