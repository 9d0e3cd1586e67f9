//go:build !linux && !darwin

package staging

func moveNew(from, to string) error { return moveIfAbsent(from, to) }

// exchange swaps two directories. There is no call that does it in one step here.
func exchange(a, b string) error { return exchangeInSteps(a, b) }
