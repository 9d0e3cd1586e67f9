package registry

import (
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
)

// pinger sends the first request of a handshake, GET /v2/, for a repository.
//
// Where a registry, or the proxy in front of one, does not respond to it properly (403, 404 or
// 405), the repository is asked what it requires: go-containerregistry v0.22.1 would give up
// (remote/transport/ping.go).
type pinger struct {
	base http.RoundTripper
	repo name.Repository
	host func(string) string // returns a host's canonical spelling
	// httpsOnly refuses to ask over http.
	httpsOnly bool
	failed    *fallback
}

var errHTTPRefused = errors.New("refusing http")

// RoundTrip implements [http.RoundTripper].
func (p pinger) RoundTrip(req *http.Request) (*http.Response, error) {
	if p.httpsOnly && req.URL.Scheme == "http" {
		return nil, errHTTPRefused
	}
	resp, err := p.base.RoundTrip(req)
	if err != nil {
		p.failed.record(req, err)
		return nil, err
	}
	if p.host(req.URL.Host) != p.repo.RegistryStr() {
		ignoreForeign(resp, req)
		return resp, nil
	}
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		_ = resp.Body.Close() // it says no more than its status
		if resp, err = p.askRepository(req); err != nil {
			return nil, err
		}
	}
	if c, ok := challengeOf(resp); ok {
		resp.Header.Set("WWW-Authenticate", c.header()) // the one to meet, in a form that is understood
	}
	return resp, nil
}

// askRepository asks for a manifest, which need not exist.
func (p pinger) askRepository(req *http.Request) (*http.Response, error) {
	probe := req.Clone(req.Context())
	probe.Method = http.MethodHead
	probe.URL.Path = "/v2/" + p.repo.RepositoryStr() + "/manifests/" + "latest"
	resp, err := p.base.RoundTrip(probe)
	if err != nil {
		return nil, err
	}
	if !challenged(resp) && !temporary(resp) {
		resp.StatusCode = http.StatusOK // no credentials are required
	}
	return resp, nil
}

// ignoreForeign turns what another host requires, to which the registry redirected, into no
// requirement: it is that host's opinion where a password should be sent. If the registry has
// requirements of its own, it says so in response to the first request that needs them. Nor does
// the other host's scheme say how the registry is reached: that is the one of the first request.
func ignoreForeign(resp *http.Response, req *http.Request) {
	if temporary(resp) {
		return
	}
	if resp.StatusCode >= http.StatusBadRequest {
		resp.StatusCode = http.StatusOK
	}
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	resp.Request = req
}

// challenged reports whether a response asks for credentials.
func challenged(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") != ""
}

// temporary reports whether a response says nothing about the resource.
func temporary(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError
}
