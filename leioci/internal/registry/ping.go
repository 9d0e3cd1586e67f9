package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// pingFallback sends the first request of a handshake, GET /v2/, for a repository. Where a registry, or the proxy in front of
// one, does not answer it (403, 404 or 405), the repository is asked what it wants: go-containerregistry v0.22.1 would
// give up (remote/transport/ping.go).
type pingFallback struct {
	base http.RoundTripper
	repo name.Repository
}

// RoundTrip implements [http.RoundTripper].
func (p pingFallback) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.base.RoundTrip(req)
	if err != nil || req.Method != http.MethodGet || req.URL.Path != "/v2/" {
		return resp, err
	}
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
	default:
		return resp, nil
	}
	_ = resp.Body.Close() // it says no more than its status
	probe := req.Clone(req.Context())
	probe.Method = http.MethodHead
	probe.URL.Path = "/v2/" + p.repo.RepositoryStr() + "/manifests/" + "latest"
	resp, err = p.base.RoundTrip(probe)
	if err != nil {
		return nil, err
	}
	if !challenged(resp) && !temporary(resp) {
		resp.StatusCode = http.StatusOK // no credentials are asked for
	}
	return resp, nil
}

// challenged reports whether an answer asks for credentials.
func challenged(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") != ""
}

// temporary reports whether an answer says nothing about the resource.
func temporary(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError
}

// handshakeError names the step of a handshake that failed, as far as its error tells.
func handshakeError(err error, repo name.Repository) error {
	var response *transport.Error
	var request *url.Error
	if errors.As(err, &response) && response.Request != nil && strings.HasPrefix(response.Request.URL.Path, "/v2/") ||
		errors.As(err, &request) && strings.HasSuffix(request.URL, "/v2/") {
		return fmt.Errorf("ask %s how to authenticate: %w", repo.RegistryStr(), err)
	}
	return fmt.Errorf("authenticate with %s: %w", repo.RegistryStr(), err)
}
