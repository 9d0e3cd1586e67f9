package leioci

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAWatchGoesByTheClock(t *testing.T) {
	const at = time.Hour // when the clock changes, which timers do not notice
	for name, tc := range map[string]struct {
		by          time.Duration
		backoff     time.Duration
		least, most time.Duration
	}{
		"that nobody sets":                {0, 0, aDay, aDay},
		"of a machine that slept":         {10 * time.Hour, 0, aDay - 10*time.Hour, aDay - 10*time.Hour},
		"of a machine that slept long":    {3 * aDay, 0, at, at + 5*time.Minute},
		"that was behind by decades":      {50 * 365 * aDay, 0, at, at + 5*time.Minute},
		"that is set back":                {-10 * time.Hour, 0, aDay, aDay},
		"but not if it was asked to wait": {3 * aDay, time.Second, aDay, aDay},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, s := time.Now(), newSchedule(0)
				s.backoff = tc.backoff
				s.clock = func() time.Time {
					now := time.Now()
					if now.Sub(start) >= at {
						now = now.Round(0).Add(tc.by)
					}
					return now
				}
				if !s.sleep(t.Context(), aDay) {
					t.Error("it did not sleep")
				}
				if took := time.Since(start); took < tc.least || took > tc.most {
					t.Errorf("it slept for %v", took)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if start := time.Now(); s.sleep(ctx, aDay) || time.Since(start) != time.Hour {
					t.Error("it slept after its context ended")
				}
			})
		})
	}
}
