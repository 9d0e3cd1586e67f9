package registry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// A server answers the requests over one scheme.
type server func(*http.Request) (*http.Response, error)

// schemes is a transport to a host, with a server for each scheme. It records what was asked.
type schemes struct {
	https, http server
	mu          sync.Mutex
	asked       []string // scheme, method and path
}

// requests returns what was asked. Where both schemes were tried, one that lost may still ask.
func (s *schemes) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *schemes) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, req.URL.Scheme+" "+req.Method+" "+req.URL.Path)
	s.mu.Unlock()
	if req.URL.Scheme == "https" {
		return s.https(req)
	}
	return s.http(req)
}

// over counts the requests over a scheme.
func (s *schemes) over(scheme string) int {
	return len(slices.DeleteFunc(s.requests(), func(a string) bool { return !strings.HasPrefix(a, scheme+" ") }))
}

func refuses(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// hangs accepts a connection and says nothing.
func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func serves(handler http.Handler) server {
	return func(req *http.Request) (*http.Response, error) {
		inner := req.Clone(req.Context())
		if inner.Body == nil {
			inner.Body = http.NoBody
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, inner)
		resp := recorder.Result()
		resp.Request = req
		return resp, nil
	}
}

// afterASecond answers after a second.
func afterASecond(s server) server {
	return func(req *http.Request) (*http.Response, error) {
		select {
		case <-time.After(time.Second):
			return s(req)
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

func on(s *schemes) func(*registry.Config) { return func(c *registry.Config) { c.Transport = s } }
