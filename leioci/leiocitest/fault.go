package leiocitest

import (
	"net/http"
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
