package retry_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

var errBroken = errors.New("broken")

// broken is a transient failure.
func broken(context.Context) error { return retry.Retryable(errBroken) }

// waits returns how long a policy waits after each failure of an operation that never succeeds.
func waits(t *testing.T, p retry.Policy) []time.Duration {
	t.Helper()
	var all []time.Duration
	synctest.Test(t, func(t *testing.T) {
		err := p.Do(t.Context(), broken, func(_ error, wait time.Duration) { all = append(all, wait) })
		if !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
	})
	return all
}

func TestTheWaitIsRandomUpToALimitThatDoublesAndIsCapped(t *testing.T) {
	p := retry.Policy{Attempts: 6, MinDelay: time.Second, MaxDelay: 5 * time.Second}
	limits := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}
	longest, shortest := make([]time.Duration, len(limits)), []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}
	for range 300 {
		all := waits(t, p)
		if len(all) != len(limits) {
			t.Fatalf("waited %d times, want %d", len(all), len(limits))
		}
		for i, wait := range all {
			longest[i], shortest[i] = max(longest[i], wait), min(shortest[i], wait)
		}
	}
	for i, limit := range limits {
		// The chance that none of 300 random times falls into an eighth of the range is 1 in 10^17.
		if longest[i] >= limit || longest[i] < limit*7/8 || shortest[i] < 0 || shortest[i] > limit/8 {
			t.Errorf("failure %d: waited %v to %v, want all from 0 to %v", i+1, shortest[i], longest[i], limit)
		}
	}
}

func TestHugeDelaysDoNotOverflow(t *testing.T) {
	var longest time.Duration
	for range 30 {
		for _, wait := range waits(t, retry.Policy{Attempts: 4, MinDelay: math.MaxInt64/2 + 2, MaxDelay: math.MaxInt64}) {
			longest = max(longest, wait)
			if wait < time.Hour {
				t.Errorf("waited %v", wait)
			}
		}
	}
}

func TestAnOperationIsTriedAsOftenAsThePolicySays(t *testing.T) {
	final := errors.New("final")
	for name, tc := range map[string]struct {
		attempts int
		errs     []error // of the tries; nil is a success
		tries    int
		want     error
		says     string
	}{
		"success at once":           {3, []error{nil}, 1, nil, ""},
		"success at last":           {3, []error{retry.Retryable(errBroken), retry.Retryable(errBroken), nil}, 3, nil, ""},
		"permanent":                 {3, []error{final}, 1, final, "final"},
		"transient, then permanent": {3, []error{retry.Retryable(errBroken), final}, 2, final, "final"},
		"one try":                   {1, []error{retry.Retryable(errBroken)}, 1, errBroken, "broken"},
		"no policy":                 {0, []error{retry.Retryable(errBroken)}, 1, errBroken, "broken"},
		"every try fails":           {2, []error{retry.Retryable(final), retry.Retryable(errBroken)}, 2, errBroken, "broken (tried 2 times)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				err := retry.Policy{Attempts: tc.attempts, MinDelay: 1, MaxDelay: 1}.Do(t.Context(), func(ctx context.Context) error {
					tries++
					if n := retry.Number(ctx); n != tries {
						t.Errorf("try %d is told that it is number %d", tries, n)
					}
					return tc.errs[tries-1]
				}, func(error, time.Duration) {})
				if tries != tc.tries || !errors.Is(err, tc.want) || err != nil && err.Error() != tc.says {
					t.Errorf("got %v after %d tries, want %q after %d", err, tries, tc.says, tc.tries)
				}
			})
		})
	}
}

func TestProgressStartsTheCountOfTriesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := retry.Policy{Attempts: 2, MinDelay: 1, MaxDelay: 1}.Run(func(error, time.Duration) {})
		for i := range 10 {
			run.Context(t.Context())
			run.Progress()
			if err := run.Wait(t.Context(), retry.Retryable(errBroken)); err != nil {
				t.Fatalf("failure %d: got %v", i, err)
			}
		}
		run.Context(t.Context())
		if err := run.Wait(t.Context(), retry.Retryable(errBroken)); err == nil || !strings.Contains(err.Error(), "tried 2 times") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAWaitEndsWithTheContextAndSaysBothCauses(t *testing.T) {
	reason := errors.New("shutting down")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		err := retry.Policy{Attempts: 2, MinDelay: math.MaxInt64, MaxDelay: math.MaxInt64}.Do(ctx, broken, func(error, time.Duration) {
			time.AfterFunc(time.Millisecond, func() { cancel(reason) })
		})
		if !errors.Is(err, reason) || !errors.Is(err, errBroken) || time.Since(start) != time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestAnOperationWhoseContextHasEndedIsNotTriedAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := retry.Policy{Attempts: 3}.Do(ctx, func(context.Context) error {
		tries++
		cancel()
		return retry.Retryable(errBroken)
	}, func(error, time.Duration) { t.Error("there was a wait") })
	if tries != 1 || !errors.Is(err, errBroken) {
		t.Errorf("got %v after %d tries", err, tries)
	}
}
