package leioci

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/stall"
	"github.com/lowendinsight/lei-go/leioci/internal/wirelog"
)

// The defaults of what a network may do. A registry may take answerFactor times the stall timeout to answer an upload.
const (
	defaultStallTimeout = 30 * time.Second
	answerFactor        = 10
)

func defaultRetryPolicy() RetryPolicy {
	return RetryPolicy{Attempts: 5, MinDelay: 500 * time.Millisecond, MaxDelay: 20 * time.Second, MaxRetryAfter: time.Minute}
}

// RetryPolicy says how often an operation is tried, and how long to wait in between. An operation is a handshake, a
// manifest, a tag, or a blob; what is tried again is a connection that failed or stalled, the statuses 408, 429, 500, 502, 503
// and 504, and the codes TOOMANYREQUESTS and UNAVAILABLE of the OCI distribution specification.
//
// The wait is a random time between nothing and MinDelay doubled with each failure, at most MaxDelay. A Retry-After (RFC
// 9110), in seconds or as a date, is obeyed up to MaxRetryAfter; beyond it the error is a [*RateLimitError] at once.
type RetryPolicy struct {
	Attempts           int           // tries in all; 1 means no second one. Default 5
	MinDelay, MaxDelay time.Duration // default 500 ms and 20 s
	MaxRetryAfter      time.Duration // default 1 minute
}

// WithRetry replaces the policy for failures that pass. Fields that are zero keep their defaults. A download that breaks
// off goes on where it stopped; every byte that came starts the count of tries anew.
func WithRetry(r RetryPolicy) Option {
	return func(o *options) error {
		if r.Attempts < 0 || r.MinDelay < 0 || r.MaxDelay < 0 || r.MaxRetryAfter < 0 {
			return fmt.Errorf("retry: a negative number in %+v", r)
		}
		d := defaultRetryPolicy()
		r.Attempts = orDefault(r.Attempts, d.Attempts)
		r.MinDelay = orDefault(r.MinDelay, d.MinDelay)
		r.MaxDelay = orDefault(r.MaxDelay, max(d.MaxDelay, r.MinDelay))
		r.MaxRetryAfter = orDefault(r.MaxRetryAfter, d.MaxRetryAfter)
		if r.MaxDelay < r.MinDelay {
			return fmt.Errorf("retry: the longest delay, %v, is shorter than the shortest, %v", r.MaxDelay, r.MinDelay)
		}
		o.retry = retry.Policy(r)
		return nil
	}
}

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

// WithStallTimeout fails a request with [ErrStalled] after d without a byte, in either direction. The default is 30
// seconds. The answer to an upload that was sent whole may take ten times as long. There is no limit to the time of a
// transfer that moves; for that, give a context with a deadline.
func WithStallTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("stall timeout %v: want more than 0", d)
		}
		o.stall = d
		return nil
	}
}

// WithPlainHTTP speaks http, and never https, to these registries (host or host:port), and sends them credentials so.
// Without it, credentials go over http to loopback addresses alone.
func WithPlainHTTP(registries ...string) Option {
	return func(o *options) error {
		for _, r := range registries {
			reg, err := name.NewRegistry(r, name.StrictValidation)
			if err != nil {
				return fmt.Errorf("plain HTTP for %s: %w: want host or host:port", quote(r), ErrInvalidReference)
			}
			o.plainHTTP = append(o.plainHTTP, reg.RegistryStr())
		}
		return nil
	}
}

// WithPrivateRedirects lets registries send their clients to other addresses in these networks: for redirects, for
// uploads, and to their token servers. Without it, an address literal of a private network (RFC 1918, RFC 4193, loopback,
// link-local) is refused unless it is the registry's own, as go-containerregistry does, because a registry could make
// its clients ask what only they can reach. Names are followed wherever they lead.
func WithPrivateRedirects(networks ...netip.Prefix) Option {
	return func(o *options) error {
		if len(networks) == 0 {
			return errors.New("private redirects: no networks")
		}
		for _, n := range networks {
			if !n.IsValid() {
				return fmt.Errorf("private redirects: %v is not a network", n)
			}
		}
		o.private = append(o.private, networks...)
		return nil
	}
}

// newGuard returns what refuses requests, over the transports that watch and limit them. Authentication comes on top of
// it: everything down there happens to the requests of a handshake too.
func (o *options) newGuard() guard.Transport {
	var rt http.RoundTripper = stall.Transport{Base: o.transport, Timeout: o.stall, Answer: answerFactor * o.stall}
	rt = wirelog.Transport{Base: rt, Log: o.log, Redact: redact}
	rt = retry.Transport{Base: rt}
	rt = limit.Transport{Base: rt, Most: maxManifestBytes}
	return guard.Transport{Base: rt, PlainHTTP: o.plainHTTP, Private: o.private}
}
