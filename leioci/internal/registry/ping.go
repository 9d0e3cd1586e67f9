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

// pingFallback handles a registry, or a proxy in front of one, that responds to the first request
// of a handshake, GET /v2/, with 403, 404 or 405. It then requests a manifest of the repository to
// obtain the challenge. Without it go-containerregistry v0.22.1 would give up
// (remote/transport/ping.go).
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
	_ = resp.Body.Close() // the status says it all
	probe := req.Clone(req.Context())
	probe.Method = http.MethodHead
	probe.URL.Path = "/v2/" + p.repo.RepositoryStr() + "/manifests/" + "latest"
	resp, err = p.base.RoundTrip(probe)
	if err != nil {
		return nil, err
	}
	if !challenged(resp) && !temporary(resp) {
		resp.StatusCode = http.StatusOK // no credentials are required
	}
	return resp, nil
}

// challenged reports whether a response asks for credentials.
func challenged(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") != ""
}

// temporary reports whether a response says nothing about the resource itself.
func temporary(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError
}

// handshakeError adds which step of a handshake failed, as far as err reveals it.
func handshakeError(err error, repo name.Repository) error {
	var response *transport.Error
	var request *url.Error
	if errors.As(err, &response) && response.Request != nil && strings.HasPrefix(response.Request.URL.Path, "/v2/") ||
		errors.As(err, &request) && strings.HasSuffix(request.URL, "/v2/") {
		return fmt.Errorf("ask %s how to authenticate: %w", repo.RegistryStr(), err)
	}
	return fmt.Errorf("authenticate with %s: %w", repo.RegistryStr(), err)
}
