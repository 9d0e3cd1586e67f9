package leiocitest

import (
	"net/http"
	"strings"
)

// A Fault answers a request in place of the registry. It may call the registry and change its
// answer.
type Fault func(w http.ResponseWriter, r *http.Request, registry http.Handler)

// An Injection is a fault that waits for matching requests.
type Injection struct {
	registry     *Registry
	method, path string
	times, hits  int
	fault        Fault
}

// Always is a number of times without a limit.
const Always = -1

// On injects a fault: it answers the next requests with the given method and with a path that
// contains path. times says how many, or [Always]. An empty method or path matches every request.
// If several faults match, the one injected first answers.
func (r *Registry) On(method, path string, times int, fault Fault) *Injection {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := &Injection{registry: r, method: method, path: path, times: times, fault: fault}
	r.faults = append(r.faults, i)
	return i
}

// Hits returns how many requests the fault has answered. A test that injects a fault should check
// that it was hit.
func (i *Injection) Hits() int {
	i.registry.mu.Lock()
	defer i.registry.mu.Unlock()
	return i.hits
}

// Stop ends the fault: later requests reach the registry, or another fault.
func (i *Injection) Stop() {
	i.registry.mu.Lock()
	defer i.registry.mu.Unlock()
	i.times = i.hits
}

// nextFault returns the fault for a request, or nil. The caller holds r.mu.
func (r *Registry) nextFault(req *http.Request) Fault {
	for _, i := range r.faults {
		if i.method != "" && i.method != req.Method || !strings.Contains(req.URL.Path, i.path) || i.hits == i.times {
			continue
		}
		i.hits++
		return i.fault
	}
	return nil
}
