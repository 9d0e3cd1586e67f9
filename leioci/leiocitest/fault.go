package leiocitest

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// A Fault answers a request in place of the registry, or asks the registry and changes its answer.
type Fault func(w http.ResponseWriter, r *http.Request, registry http.Handler)

// An Injection is a fault that waits for its requests.
type Injection struct {
	registry     *Registry
	method, path string
	times, hits  int
	fault        Fault
}

// Always is a number of times that does not run out.
const Always = -1

// On lets fault handle the next requests, as many as times says (or [Always]), that have this method and a path that
// contains path. An empty method or path matches every one. The first injected fault that matches is taken.
func (r *Registry) On(method, path string, times int, fault Fault) *Injection {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := &Injection{registry: r, method: method, path: path, times: times, fault: fault}
	r.faults = append(r.faults, i)
	return i
}

// Hits returns how many requests the fault has handled. A test that injects one asserts that it was hit.
func (i *Injection) Hits() int {
	i.registry.mu.Lock()
	defer i.registry.mu.Unlock()
	return i.hits
}

// Stop ends the fault: requests that come later are the registry's, or another fault's.
func (i *Injection) Stop() {
	i.registry.mu.Lock()
	defer i.registry.mu.Unlock()
	i.times = i.hits
}

// due returns the fault for a request, or nil. The caller holds r.mu.
func (r *Registry) due(req *http.Request) Fault {
	for _, i := range r.faults {
		if i.method != "" && i.method != req.Method || !strings.Contains(req.URL.Path, i.path) || i.hits == i.times {
			continue
		}
		i.hits++
		return i.fault
	}
	return nil
}

// Status answers with a status and, where code is not empty, an error of the OCI distribution specification.
func Status(status int, code string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		if code != "" {
			fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"injected"}]}`, code)
		}
	}
}

// Body answers as the registry does, but with another body: what edit makes of the right one.
func Body(edit func([]byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		right := record(r, registry)
		body := edit(right.Body.Bytes())
		answer(w, right, len(body), body)
	}
}

// Truncate answers as the registry does and closes the connection after n bytes of the body.
func Truncate(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		right := record(r, registry)
		whole := right.Body.Bytes()
		answer(w, right, len(whole), whole[:min(n, len(whole))])
		_ = http.NewResponseController(w).Flush() // what the client has read by then is its test's affair
		panic(http.ErrAbortHandler)               // net/http's way to cut a connection
	}
}

// record returns what the registry would answer.
func record(r *http.Request, registry http.Handler) *httptest.ResponseRecorder {
	right := httptest.NewRecorder()
	registry.ServeHTTP(right, r)
	return right
}

// answer sends the right header with the given length, and body.
func answer(w http.ResponseWriter, right *httptest.ResponseRecorder, length int, body []byte) {
	maps.Copy(w.Header(), right.Header())
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(right.Code)
	_, _ = w.Write(body) // a client that hangs up is its test's affair
}

// Cut closes the connection without an answer. net/http sends a GET or HEAD again by itself where a kept connection
// breaks before the answer begins; inject the fault [Always] to break that one too.
func Cut() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// Hang gives no answer until the client goes away, and tells reached, which must have room, that it was asked.
func Hang(reached chan<- struct{}) Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		reached <- struct{}{}
		<-r.Context().Done()
	}
}
