package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestTheEndOfTheContextEndsTheReading(t *testing.T) {
	s := open(t, sampleDir)
	for _, cause := range []error{context.Canceled, io.EOF, errors.New("the caller's own")} {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var last error
		n := 0
		for _, err := range s.Reports(ctx) {
			n++
			last = err
			if n == 50 {
				cancel(cause)
			}
		}
		if n != 51 {
			t.Errorf("%d steps, want 51", n)
		}
		wantLineError(t, last, 51, cause)
		if err := s.Verify(ctx); !errors.Is(err, cause) {
			t.Errorf("Verify: %v", err)
		}
	}
}

func TestTheEndOfTheContextEndsALongLine(t *testing.T) {
	content := strings.Repeat(" ", snapshot.MaxLineBytes)
	s := openContent(t, content)
	ctx := &countdown{Context: t.Context(), left: 20}
	for _, err := range s.Reports(ctx) {
		wantLineError(t, err, 1, context.Canceled)
	}
	if ctx.left != -1 {
		t.Errorf("asked %d times after the end", -1-ctx.left)
	}
}

func TestTheEndOfTheContextEndsAFileOfEmptyMembers(t *testing.T) {
	cache := bytes.Repeat(compress(t, ""), 100_000)
	s := open(t, write(t, describing("", cache), cache))
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	n := 0
	for _, err := range s.Reports(&countdown{Context: t.Context(), left: 10}) {
		n++
		wantLineError(t, err, 1, context.Canceled)
	}
	if n != 1 {
		t.Errorf("%d steps, want 1", n)
	}
}

func TestALoopMayBeLeftAndStartedAgain(t *testing.T) {
	s := open(t, sampleDir)
	reports := s.Reports(t.Context())
	for range 3 {
		n := int64(0)
		for report, err := range reports {
			if n++; err != nil || report.Line != n {
				t.Fatal(report.Line, err)
			}
			if n == 100 {
				break
			}
		}
	}
}

func TestIterationsDoNotDisturbEachOther(t *testing.T) {
	s := open(t, sampleDir)
	first, stopFirst := iter.Pull2(s.Reports(t.Context()))
	defer stopFirst()
	second, stopSecond := iter.Pull2(s.Reports(t.Context()))
	defer stopSecond()
	for range 20 {
		if _, err, _ := first(); err != nil {
			t.Fatal(err)
		}
	}
	repos := reposOf(t, s)
	for n := range 180 {
		a, errA, _ := first()
		b, errB, _ := second()
		if errA != nil || errB != nil || a.Repo != repos[n+20] || b.Repo != repos[n] {
			t.Fatal(n, a.Repo, b.Repo, errA, errB)
		}
	}
	done := make(chan error)
	for range 4 {
		go func() { done <- s.Verify(t.Context()) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestACloneKeepsItsBytes(t *testing.T) {
	var kept []snapshot.Report
	var want []string
	for report, err := range open(t, sampleDir).Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, string(report.Raw))
		kept = append(kept, report.Clone())
		clear(report.Raw) // as the next step may do
	}
	for i, report := range kept {
		if string(report.Raw) != want[i] {
			t.Fatalf("report %d changed", i)
		}
	}
}

func TestAppendingToRawDoesNotChangeTheNextLine(t *testing.T) {
	for report, err := range openContent(t, line("a")+line("b")).Reports(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		_ = append(report.Raw, "xxxxxxxx"...)
	}
}

func TestAZeroSnapshotAndANilContextAreErrorsThatSaySo(t *testing.T) {
	var zero snapshot.Snapshot
	var none context.Context
	opened := openContent(t, line("a"))
	first := func(s *snapshot.Snapshot, ctx context.Context) error { //nolint:revive // the context is what is wrong
		for _, err := range s.Reports(ctx) {
			return err
		}
		return nil
	}
	repos := func() error {
		for _, err := range zero.Repos() {
			return err
		}
		return nil
	}
	for what, c := range map[string]struct {
		err  error
		says string
	}{
		"Verify, zero":         {zero.Verify(t.Context()), "not opened with Open"},
		"Reports, zero":        {first(&zero, t.Context()), "not opened with Open"},
		"Repos, zero":          {repos(), "not opened with Open"},
		"Close, zero":          {zero.Close(), "invalid"},
		"Verify, nil context":  {opened.Verify(none), "context: nil"},
		"Reports, nil context": {first(opened, none), "context: nil"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v", what, c.err)
		}
	}
}

// countdown is a context that is canceled after Err was called left times, at any point of the code
// under test.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func (c *countdown) Value(any) any { return nil } // so that context.Cause asks Err
