package leioci

import (
	"fmt"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// RetryPolicy says how often an operation is attempted and how long to wait between attempts. An
// operation is the transfer of a manifest, a tag or a blob, with the requests for a token that it
// takes. It is retried if the connection fails or stalls; on the statuses by which a registry, or a
// proxy in front of it, says that it is busy or away (408, 425, 429, 500, 502, 503, 504, 520 to
// 524, 527, 529, 530, 598 and 599); and on the codes TOOMANYREQUESTS and UNAVAILABLE of the OCI
// distribution specification.
//
// Each delay is random, between zero and an upper bound. The bound starts at MinDelay and doubles
// with each failure, up to MaxDelay. A Retry-After (RFC 9110), in seconds or as a date, is honored
// up to MaxRetryAfter. If it is longer, the operation fails at once with a [*RateLimitError].
type RetryPolicy struct {
	Attempts           int           // total attempts, so 1 means no retries; default 5
	MinDelay, MaxDelay time.Duration // default 500 ms and 20 s
	MaxRetryAfter      time.Duration // default 1 minute
}

// WithRetry sets the policy for transient failures. Zero fields mean the default. An interrupted
// download resumes where it stopped, and every byte received resets the count of attempts.
func WithRetry(r RetryPolicy) Option {
	return option(func(o *options) error {
		if r.Attempts < 0 || r.MinDelay < 0 || r.MaxDelay < 0 || r.MaxRetryAfter < 0 {
			return fmt.Errorf("retry: negative value in %+v", r)
		}
		d := defaultRetryPolicy()
		r.Attempts = orDefault(r.Attempts, d.Attempts)
		r.MinDelay = orDefault(r.MinDelay, d.MinDelay)
		r.MaxDelay = orDefault(r.MaxDelay, max(d.MaxDelay, r.MinDelay))
		r.MaxRetryAfter = orDefault(r.MaxRetryAfter, d.MaxRetryAfter)
		if r.MaxDelay < r.MinDelay {
			return fmt.Errorf("retry: MaxDelay %v is shorter than MinDelay %v", r.MaxDelay, r.MinDelay)
		}
		o.registry.Retry = registry.RetryPolicy(r)
		return nil
	})
}

func defaultRetryPolicy() RetryPolicy {
	return RetryPolicy{Attempts: 5, MinDelay: 500 * time.Millisecond, MaxDelay: 20 * time.Second, MaxRetryAfter: time.Minute}
}
