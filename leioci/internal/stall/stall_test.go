package stall_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/stall"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

const (
	timeout = 30 * time.Second
	answer  = 5 * time.Minute
	late    = 10 // a stall is noticed at most a tenth of its limit late
)

// within runs a test in a synctest bubble, with a host that handler serves.
func within(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, rt http.RoundTripper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := leiocitest.NewNetwork(t)
		n.Serve("host", handler)
		test(t, stall.Transport{Base: n.Transport(), Timeout: timeout, Answer: answer})
	})
}

func request(ctx context.Context, t *testing.T, method string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://host/", body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// silent does not respond until the client goes away.
func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestARequestWithoutAnAnswerIsStalled(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		body   string
		limit  time.Duration
	}{
		"a download":            {http.MethodGet, "", timeout},
		"a check":               {http.MethodHead, "", timeout},
		"a form":                {http.MethodPost, "grant_type=password", timeout},
		"an upload":             {http.MethodPut, "content", answer},
		"an upload of nothing":  {http.MethodPut, "", answer},
		"a piece of an upload":  {http.MethodPatch, "content", answer},
		"the start of a upload": {http.MethodPost, "", timeout},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, silent, func(t *testing.T, rt http.RoundTripper) {
				start := time.Now()
				resp, err := rt.RoundTrip(request(t.Context(), t, tc.method, strings.NewReader(tc.body)))
				if err == nil {
					resp.Body.Close()
				}
				if took := time.Since(start); !errors.Is(err, errdef.ErrStalled) || took < tc.limit || took > tc.limit+tc.limit/late+timeout/late {
					t.Errorf("got %v after %v, want a stall after %v", err, took, tc.limit)
				}
			})
		})
	}
}

func TestABodyThatFallsSilentIsStalled(t *testing.T) {
	for name, first := range map[string]string{"at once": "", "in its middle": "some"} {
		t.Run(name, func(t *testing.T) {
			within(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, first)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}, func(t *testing.T, rt http.RoundTripper) {
				resp, err := rt.RoundTrip(request(t.Context(), t, http.MethodGet, nil))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				start := time.Now()
				got, err := io.ReadAll(resp.Body)
				if took := time.Since(start); !errors.Is(err, errdef.ErrStalled) || string(got) != first || took != timeout {
					t.Errorf("got %q, %v after %v", got, err, took)
				}
			})
		})
	}
}

func TestASlowTransferIsNotStalled(t *testing.T) {
	const pause = timeout - time.Second
	within(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		time.Sleep(pause) // before the header
		for i := range sent {
			_, _ = w.Write(sent[i : i+1])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}, func(t *testing.T, rt http.RoundTripper) {
		start := time.Now()
		req := request(t.Context(), t, http.MethodPost, &slow{strings.NewReader("abcde"), pause})
		req.ContentLength = 5
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); string(got) != "abcde" || err != nil || time.Since(start) < 10*pause {
			t.Errorf("got %q, %v after %v", got, err, time.Since(start))
		}
	})
}

// slow returns a byte at a time, after a pause.
type slow struct {
	r     io.Reader
	pause time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.r.Read(p[:1])
}

func TestAContextThatEndsIsNoStall(t *testing.T) {
	reason := errors.New("shutting down")
	within(t, silent, func(t *testing.T, rt http.RoundTripper) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		start := time.Now()
		resp, err := rt.RoundTrip(request(ctx, t, http.MethodGet, nil))
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, reason) || errors.Is(err, errdef.ErrStalled) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}
