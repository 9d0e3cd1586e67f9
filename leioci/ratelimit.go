package leioci

import (
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// RateLimitError reports that a registry limits requests: it responded with 429 (Too Many Requests)
// in every attempt, or with a Retry-After longer than [RetryPolicy] allows.
type RateLimitError struct {
	// RetryAfter is how long to wait, counted from the response; 0 if the registry did not say.
	RetryAfter time.Duration
	// Err is the registry's response, in which errors.As finds a [*transport.Error].
	Err error
}

// Error says when to try again.
func (e *RateLimitError) Error() string {
	if e.RetryAfter == 0 {
		if _, elsewhere := registry.RespondedElsewhere(e.Err); elsewhere { // which is shown no credentials
			return fmt.Sprintf("rate limited: %v (try again later)", e.Err)
		}
		return fmt.Sprintf("rate limited: %v (try again later; many registries allow more with credentials)", e.Err)
	}
	return fmt.Sprintf("rate limited: %v (try again in %v)", e.Err, e.RetryAfter.Round(time.Second))
}

// Unwrap returns Err.
func (e *RateLimitError) Unwrap() error { return e.Err }
