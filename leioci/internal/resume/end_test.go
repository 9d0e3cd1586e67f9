package resume_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/resume"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

func refusal(status int) error { return &transport.Error{StatusCode: status} }

func TestReadingGivesUpAfterTriesWithoutProgress(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []answer
		tries   int
		got     string
		says    string
	}{
		"no answer":                           {[]answer{{err: retry.Retryable(errBroken)}}, 3, "", "tried 3 times"},
		"a body that breaks at once":          {[]answer{whole(0)}, 3, "", "after 0 bytes: broken (tried 3 times)"},
		"a body that breaks, then no more":    {[]answer{whole(4), rest(4, 0), rest(4, 0), whole(4)}, 4, "0123", "after 4 bytes: broken (tried 4 times)"},
		"a range that is ignored, and breaks": {[]answer{whole(4), whole(4)}, 3, "0123", "after 4 bytes: broken (tried 3 times)"},
		"a body that is shorter than it says": {[]answer{{status: 200, length: 10}}, 3, "", "unexpected EOF (tried 3 times)"},
		"a permanent failure":                 {[]answer{whole(4), {err: errors.New("no")}}, 2, "0123", "no"},
		"no answer after a part":              {[]answer{whole(4), {err: retry.Retryable(errBroken)}}, 4, "0123", "tried 4 times"},
		"a refusal of range and whole":        {[]answer{whole(4), {err: refusal(403)}}, 3, "0123", "403"},
		"a range refused, the whole broken":   {[]answer{whole(4), {err: refusal(403)}, whole(2), whole(3)}, 4, "0123", "tried 3 times"},
		"too many requests":                   {[]answer{whole(4), {err: refusal(429)}}, 3, "0123", "429"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{answers: tc.answers}
			got, _, err := read(t, s, 10, 0)
			if got != tc.got || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %q, %v, want %q", got, err, tc.says)
			}
			if len(s.asked) != tc.tries {
				t.Errorf("asked %d times, want %d", len(s.asked), tc.tries)
			}
		})
	}
}

// open opens a reader of what s serves.
func open(ctx context.Context, t *testing.T, s *server) *resume.Reader {
	t.Helper()
	policy := retry.Policy{Attempts: 3, MinDelay: time.Second, MaxDelay: time.Second}
	r, err := resume.Open(ctx, policy, resume.Content{Fetch: s.fetch, Size: 10, Notify: func(error, time.Duration) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestAClosedReaderSendsNoMoreRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: []answer{whole(10), rest(3, 7)}}
		r := open(t.Context(), t, s)
		if _, err := r.Read(make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if got, err := io.ReadAll(r); len(got) != 0 || err == nil || len(s.asked) != 1 || s.open != 0 {
			t.Errorf("got %q, %v after %d requests, %d bodies are open", got, err, len(s.asked), s.open)
		}
	})
}

func TestReadingEndsWithTheContext(t *testing.T) {
	reason := errors.New("shutting down")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := &server{answers: []answer{whole(4), {err: retry.Retryable(errBroken)}}}
		r := open(ctx, t, s)
		if got, err := io.ReadAll(io.LimitReader(r, 4)); len(got) != 4 || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		cancel(reason)
		if _, err := io.ReadAll(r); err == nil || len(s.asked) != 1 {
			t.Errorf("got %v after %d requests", err, len(s.asked))
		}
	})
}

func TestAReaderThatFailedFailsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answers := range [][]answer{
			{whole(4), {err: errors.New("no")}},
			{whole(4), {err: retry.Retryable(errBroken)}},
			{whole(4), rest(4, 0), rest(4, 0), whole(0)},
			{whole(0)},
		} {
			s := &server{answers: answers}
			r := open(t.Context(), t, s)
			_, first := io.ReadAll(r)
			asked := len(s.asked)
			for range 3 {
				if _, err := io.ReadAll(r); first == nil || err == nil || err.Error() != first.Error() || len(s.asked) != asked {
					t.Errorf("got %v after %d requests, then %v after %d", first, asked, err, len(s.asked))
				}
			}
		}
	})
}
