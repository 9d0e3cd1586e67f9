package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
)

// A service answers requests from the snapshot in use.
type service struct {
	current *current
	status  *status
	metrics *metrics
	maxAge  time.Duration // 0 for no limit
	log     logrus.FieldLogger
}

func newService(maxAge time.Duration, log logrus.FieldLogger) *service {
	s := &service{current: &current{log: log}, status: &status{}, maxAge: maxAge, log: log}
	s.metrics = newMetrics(s.current, s.status)
	return s
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /risk", s.risk)
	mux.HandleFunc("POST /risk", s.risks)
	mux.HandleFunc("GET /summary", s.summary)
	mux.HandleFunc("GET /livez", s.live)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /healthz", s.health)
	mux.Handle("GET /metrics", s.metrics.handler(s.log))
	return mux
}

// reply writes a status and a value as JSON.
func (s *service) reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.WithError(err).Debug("client disconnected")
	}
}
