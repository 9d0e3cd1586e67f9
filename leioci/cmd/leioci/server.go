package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// The limits of a server.
const (
	headersWithin  = 20 * time.Second // from the first byte of a request to the end of its headers
	idleFor        = 2 * time.Minute
	endWithin      = 20 * time.Second // to send what is being sent, when it is to stop
	maxHeaderBytes = 64 << 10
	mostAtOnce     = 512 // requests; the others wait
)

// serveUntil serves until ctx ends, and then lets requests end that have begun.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler, logger logrus.FieldLogger) error {
	server := &http.Server{
		Handler:           limited(handler, make(chan struct{}, mostAtOnce)),
		ReadHeaderTimeout: headersWithin,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(debugWriter{logger}, "", 0), // mostly of clients that do not speak TLS
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	err := server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		logger.Warnf("clients that have not got all within %v are cut off", endWithin)
		err = server.Close()
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// limited lets requests wait while there are too many.
func limited(handler http.Handler, places chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
		case <-r.Context().Done(): // a client that only ended its half would take no response for an empty success
			panic(http.ErrAbortHandler)
		}
		defer func() { <-places }()
		handler.ServeHTTP(w, r)
	})
}

// debugWriter logs the lines of another log.
type debugWriter struct{ to logrus.FieldLogger }

func (d debugWriter) Write(p []byte) (int, error) {
	d.to.Debug(strings.TrimSpace(string(p)))
	return len(p), nil
}
