package retry_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

func TestRetryAfterIsObeyedUpToItsLimit(t *testing.T) {
	date := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	}
	is := func(s string) func() string { return func() string { return s } }
	const never = 1<<63 - 1 - (1<<63-1)%time.Second // the longest duration in whole seconds
	for name, tc := range map[string]struct {
		header func() string
		waits  time.Duration
		after  time.Duration // of Limited, after the first try
	}{
		"none":                 {is(""), 0, 0},
		"seconds":              {is("7"), 7 * time.Second, 0},
		"zero":                 {is("0"), 0, 0},
		"the limit":            {is("60"), time.Minute, 0},
		"beyond the limit":     {is("61"), 0, 61 * time.Second},
		"negative":             {is("-7"), 0, 0},
		"a sign":               {is("+7"), 0, 0},
		"a fraction":           {is("1.5"), 0, 0},
		"nonsense":             {is("soon"), 0, 0},
		"a unit":               {is("7s"), 0, 0},
		"more than a duration": {is("9300000000"), 0, never},
		"more than an int64":   {is("9300000000000000000"), 0, never},
		"more than a uint64":   {is("99999999999999999999"), 0, never},
		"a date":               {date(5 * time.Second), 5 * time.Second, 0},
		"a date of today 1970": {is("Thu, 01 Jan 1970 00:00:00 GMT"), 0, 0},
		"an asctime date":      {func() string { return time.Now().Add(5 * time.Second).UTC().Format(time.ANSIC) }, 5 * time.Second, 0},
		"a date in an hour":    {date(time.Hour), 0, time.Hour},
		"no such date":         {is("Thu, 32 Jan 2026 00:00:00 GMT"), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, waited, err := outcome(t, answering(http.StatusServiceUnavailable, tc.header(), ""), time.Minute)
				late, ok := errdef.NoteOf[retry.Limited](err)
				if (tc.after != 0) != ok || ok && (late.After != tc.after || tries != 1) {
					t.Fatalf("got %v, %+v after %d tries, want to come back after %v", err, late, tries, tc.after)
				}
				if waited != tc.waits {
					t.Errorf("waited %v, want %v", waited, tc.waits)
				}
			})
		})
	}
}

func TestTheLastAnswerOfATrySaysWhenToComeBack(t *testing.T) {
	for name, tc := range map[string]struct {
		second roundTripper
		late   bool
	}{
		"an answer without Retry-After": {answering(http.StatusServiceUnavailable, "", ""), false},
		"a success":                     {answering(http.StatusOK, "3600", ""), false},
		// The last request may fail: http, after https.
		"no answer": {func(*http.Request) (*http.Response, error) { return nil, errBroken }, true},
	} {
		t.Run(name, func(t *testing.T) {
			run := retry.Policy{Attempts: 2, MinDelay: 1, MaxDelay: 1}.Run(func(error, time.Duration) {})
			ctx := run.Context(t.Context())
			if get(ctx, retry.Transport{Base: answering(http.StatusServiceUnavailable, "3600", "")}) == nil {
				t.Error("503 is no error")
			}
			if err := get(ctx, retry.Transport{Base: tc.second}); err == nil && name != "a success" {
				t.Error("no error")
			}
			err := run.Wait(t.Context(), retry.Retryable(errBroken))
			if _, late := errdef.NoteOf[retry.Limited](err); late != tc.late {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheLongestRetryAfterDoesNotOverflow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := retry.Policy{Attempts: 2, MinDelay: math.MaxInt64, MaxDelay: math.MaxInt64, MaxRetryAfter: math.MaxInt64}
	err := p.Do(ctx, func(ctx context.Context) error {
		return get(ctx, retry.Transport{Base: answering(503, "9300000000", "")})
	}, func(_ error, wait time.Duration) {
		if wait < 24*365*time.Hour {
			t.Errorf("waits %v", wait)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
