package stall_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/stall"
)

func TestASlowReaderIsNoStall(t *testing.T) {
	content := strings.Repeat("content", 1<<14) // more than net/http reads ahead
	within(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }, func(t *testing.T, rt http.RoundTripper) {
		resp, err := rt.RoundTrip(request(t.Context(), t, http.MethodGet, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		time.Sleep(10 * timeout)
		var got strings.Builder
		for buf := make([]byte, 10000); err == nil; time.Sleep(10 * timeout) {
			var n int
			n, err = resp.Body.Read(buf)
			got.Write(buf[:n])
		}
		if got.String() != content || err != io.EOF {
			t.Errorf("got %d bytes, %v", got.Len(), err)
		}
	})
}

func TestAClosedBodyEndsItsRequest(t *testing.T) {
	var sent context.Context
	rt := stall.Transport{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		sent = req.Context()
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}), Timeout: timeout, Answer: answer}
	resp, err := rt.RoundTrip(request(t.Context(), t, http.MethodGet, nil))
	if err != nil {
		t.Fatal(err)
	}
	if sent.Err() != nil {
		t.Error("the request ended before its body was closed")
	}
	resp.Body.Close()
	if sent.Err() == nil {
		t.Error("the request goes on")
	}
}

func TestATransportMayLeaveTheBodyNil(t *testing.T) {
	// http.Client accepts it, too.
	rt := stall.Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK}, nil
	}), Timeout: timeout, Answer: answer}
	resp, err := rt.RoundTrip(request(t.Context(), t, http.MethodHead, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
