package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestTheExitStatusIsThatOfTheKindOfErrorHoweverItIsWrapped(t *testing.T) {
	mkdir := &fs.PathError{Op: "mkdir", Path: "/absent/lei", Err: fs.ErrNotExist}
	other := errors.New("other")
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{other, 1},
		{context.DeadlineExceeded, 1},
		{leioci.ErrTargetNotEmpty, 1},
		{leioci.ErrStalled, 1},
		{leioci.ErrInsecure, 1},
		{leioci.ErrTooLarge, 1},
		{mkdir, 1},
		{usageError{other}, 2},
		{usageError{fs.ErrNotExist}, 2}, // --ca-file absent
		{leioci.ErrStale, 3},
		{leioci.ErrOlder, 3},
		{leioci.ErrFuture, 3},
		{leioci.ErrVerification, 4},
		{snapshot.ErrMismatch, 4},
		{snapshot.ErrMalformed, 4},
		{snapshot.ErrCorrupt, 4},
		{snapshot.ErrChanged, 4},
		{decision{exitUnverified, leioci.ErrNotSnapshot}, 4},
		{leioci.ErrUnauthorized, 5},
		{leioci.ErrDenied, 5},
		{decision{exitRisk, other}, 6},
		{leioci.ErrNotFound, 7},
		{fs.ErrNotExist, 7},
		{decision{exitUndecided, other}, 8},
		{errInterrupted, 130},
		// Of several, the one that says most about what to do.
		{errors.Join(leioci.ErrNotFound, leioci.ErrDenied), 5},
		{errors.Join(leioci.ErrOlder, leioci.ErrUnauthorized), 5},
		{errors.Join(leioci.ErrVerification, leioci.ErrStale), 3},
		{errors.Join(fs.ErrNotExist, leioci.ErrVerification), 4},
		{errors.Join(mkdir, leioci.ErrNotFound), 7},
		{errors.Join(leioci.ErrDenied, errInterrupted), 130},
	} {
		if got := exitStatus(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
		if tc.err == nil {
			continue
		}
		for name, wrapped := range map[string]error{
			"wrapped":             fmt.Errorf("pull: %w", tc.err),
			"joined":              errors.Join(other, tc.err),
			"wrapped and joined":  fmt.Errorf("pull: %w", errors.Join(other, fmt.Errorf("again: %w", tc.err), other)),
			"beside a cause":      fmt.Errorf("%w: %w", other, tc.err),
			"of a tag of a push":  &leioci.PushError{Failed: []leioci.TagError{{Tag: "a", Err: other}, {Tag: "b", Err: tc.err}}},
			"with what to do too": fmt.Errorf("%w (%w)", tc.err, other),
		} {
			if got := exitStatus(wrapped); got != tc.want {
				t.Errorf("%v, %s: %d, want %d", tc.err, name, got, tc.want)
			}
		}
	}
}
