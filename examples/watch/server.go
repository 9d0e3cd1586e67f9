package main

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// How long a client may take, and how long requests have to finish at shutdown: less than the 30
// seconds after which Kubernetes kills the process.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	writeTimeout    = time.Minute
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 20 * time.Second
	maxHeaderBytes  = 16 << 10
)

// serve handles requests until ctx is done, and then finishes those in progress. It closes
// listener.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log logrus.FieldLogger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          stdlog.New(warnings{log}, "", 0),
	}
	log.Infof("serving on http://%s", listener.Addr())
	var serveErr error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serveErr = server.Serve(listener)
	}()
	select {
	case <-ended:
		return fmt.Errorf("serve: %w", serveErr)
	case <-ctx.Done():
	}
	log.Info("shutting down")
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(limited)
	if err != nil {
		err = errors.Join(fmt.Errorf("shut down: requests were aborted: %w", err), server.Close())
	}
	<-ended
	return err
}

// warnings logs what net/http reports about failed connections.
type warnings struct{ log logrus.FieldLogger }

// Write implements [io.Writer].
func (w warnings) Write(p []byte) (int, error) {
	w.log.Warn(strings.TrimSpace(string(p)))
	return len(p), nil
}
