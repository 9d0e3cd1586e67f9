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

// passingAnswer reports whether err is a registry's answer that may be another one next time: by its status, whatever
// code the registry put into the body, or by its code, whatever the status. ghcr.io, for one, has answered
// TOOMANYREQUESTS with statuses other than 429.
func passingAnswer(err error) bool {
	//nolint:errorlint // errors.As finds the first answer alone, and there are several where several sources were asked
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(several.Unwrap(), passingAnswer)
	}
	if inner := errors.Unwrap(err); inner != nil {
		return passingAnswer(inner)
	}
	var answer *transport.Error
	return errors.As(err, &answer) && (passingStatus(answer.StatusCode) ||
		hasCode(answer, transport.TooManyRequestsErrorCode) || hasCode(answer, transport.UnavailableErrorCode))
}

// limited reports whether err is the answer of a registry that wants less traffic.
func limited(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) &&
		(answer.StatusCode == http.StatusTooManyRequests || hasCode(answer, transport.TooManyRequestsErrorCode))
}

func hasCode(answer *transport.Error, code transport.ErrorCode) bool {
	for _, d := range answer.Errors {
		if d.Code == code {
			return true
		}
	}
	return false
}

func passingStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads a Retry-After header, a number of seconds or a date (RFC 9110, section 10.2.3). What is neither, or
// in the past, is 0.
func retryAfter(header string, now time.Time) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(most))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}
