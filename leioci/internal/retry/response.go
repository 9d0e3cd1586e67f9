package retry

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// isRetryableResponse reports whether err is a registry's response that may differ next time.
// Either the status says so, whatever the code in the body, or the code does, whatever the status:
// ghcr.io, for one, has sent TOOMANYREQUESTS with statuses other than 429.
func isRetryableResponse(err error) bool {
	//nolint:errorlint // errors.As finds only the first response, and several sources give several
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(joined.Unwrap(), isRetryableResponse)
	}
	if inner := errors.Unwrap(err); inner != nil {
		return isRetryableResponse(inner)
	}
	var resp *transport.Error
	return errors.As(err, &resp) && (isRetryableStatus(resp.StatusCode) ||
		hasCode(resp, transport.TooManyRequestsErrorCode) || hasCode(resp, transport.UnavailableErrorCode))
}

// rateLimited reports whether err is the response of a registry that limits the rate of requests.
func rateLimited(err error) bool {
	var resp *transport.Error
	return errors.As(err, &resp) &&
		(resp.StatusCode == http.StatusTooManyRequests || hasCode(resp, transport.TooManyRequestsErrorCode))
}

func hasCode(resp *transport.Error, code transport.ErrorCode) bool {
	for _, d := range resp.Errors {
		if d.Code == code {
			return true
		}
	}
	return false
}

// isRetryableStatus reports whether a status says that the registry, or the server behind the proxy
// that responds, is busy or away. The others say what will be the same next time: a CDN's 525 and
// 526, that the certificate is wrong; 501 and 505, that something is not supported.
func isRetryableStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		520, 521, 522, 523, 524, 527, 530, // Cloudflare: no response, or no connection, from the origin
		529,      // overloaded
		598, 599: // proxies: a timeout on the way to the origin
		return true
	}
	return false
}

// parseRetryAfter reads a Retry-After header: a number of seconds or a date (RFC 9110, section
// 10.2.3). It returns 0 for anything else, and for a date in the past.
func parseRetryAfter(header string, now time.Time) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(most))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}
