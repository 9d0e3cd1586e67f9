package leioci

import (
	"fmt"
	"time"
)

// RateLimitError is the answer of a registry that wants less traffic: 429 (Too Many Requests) after all tries, or any
// that asks with Retry-After for more patience than [RetryPolicy] has.
type RateLimitError struct {
	// RetryAfter is how long to wait, counted from the answer; 0 if the registry did not say.
	RetryAfter time.Duration
	// Err is the answer, in which errors.As finds a [*transport.Error].
	Err error
}

// Error says when to try again.
func (e *RateLimitError) Error() string {
	if e.RetryAfter == 0 {
		return fmt.Sprintf("rate limited (try again later; many registries allow more with credentials): %v", e.Err)
	}
	return fmt.Sprintf("rate limited (try again in %v): %v", e.RetryAfter.Round(time.Second), e.Err)
}

// Unwrap returns the answer.
func (e *RateLimitError) Unwrap() error { return e.Err }
