package retry_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// watched is a body that remembers whether it was closed.
type watched struct {
	io.Reader
	closed bool
}

func (w *watched) Close() error { w.closed = true; return nil }

func TestABodyIsFreshEachTimeItsRequestIsSent(t *testing.T) {
	var sent []string
	var opened []*watched
	open := func() (io.ReadCloser, error) {
		opened = append(opened, &watched{Reader: strings.NewReader("content")})
		return opened[len(opened)-1], nil
	}
	rt := retry.Transport{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		data, err := io.ReadAll(req.Body)
		sent = append(sent, string(data))
		req.Body.Close()
		return &http.Response{StatusCode: http.StatusUnauthorized, Body: http.NoBody}, err
	})}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/", nil)
	req.Body, _ = open()
	req.GetBody = open
	for range 3 {
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if strings.Join(sent, " ") != "content content content" || len(opened) != 4 {
		t.Errorf("sent %q of %d bodies", sent, len(opened))
	}
	for i, b := range opened {
		if !b.closed {
			t.Errorf("body %d was left open", i)
		}
	}
}

func TestABodyThatCannotBeOpenedAgainIsNotATransientFailure(t *testing.T) {
	run := retry.Policy{Attempts: 2}.Run(func(error, time.Duration) {})
	body := &watched{Reader: strings.NewReader("")}
	req := httptest.NewRequestWithContext(run.Context(t.Context()), http.MethodPut, "/", nil)
	req.Body, req.GetBody = body, func() (io.ReadCloser, error) { return nil, errBroken }
	resp, err := retry.Transport{Base: answering(http.StatusOK, "", "")}.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if err := run.Wait(t.Context(), err); !errors.Is(err, errBroken) || !body.closed {
		t.Errorf("got %v, closed: %v", err, body.closed)
	}
}

func TestARequestThatHasNoBodyNeedsNone(t *testing.T) {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	req.Body, req.GetBody = nil, func() (io.ReadCloser, error) { return http.NoBody, nil } // net/http accepts this
	resp, err := retry.Transport{Base: answering(http.StatusOK, "", "")}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
