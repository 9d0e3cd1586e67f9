package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestARequestThatWaitedInVainIsNoSuccess(t *testing.T) {
	full := make(chan struct{}, 1)
	full <- struct{}{}
	handler := limited(http.NotFoundHandler(), full)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as when a client closes its half of the connection
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("got %v, want the connection to be aborted", err)
		}
	}()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/v2/", nil))
}
