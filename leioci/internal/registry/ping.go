package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/limit"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// ask asks the registry what it requires, and meets that. It is for where the response to a request
// does not tell.
func (a *authorized) ask(ctx context.Context) (*authorization, error) {
	c, err := a.ping(ctx)
	if err != nil {
		return nil, &whole{fmt.Errorf("ask %s how to authenticate: %w", a.repo.RegistryStr(), err)}
	}
	return a.meet(ctx, c)
}

// ping sends GET /v2/.
//
// go-containerregistry's own (v0.22.1, remote/transport/ping.go) takes no scheme, and the registry
// may be known to use http.
func (a *authorized) ping(ctx context.Context) (challenge, error) {
	ctx = limit.Answer(ctx, manifest.MaxBytes) // what the context allows is for the request that waits for this
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.scheme()+"://"+a.repo.RegistryStr()+"/v2/", nil)
	if err != nil {
		return challenge{}, err
	}
	client := http.Client{Transport: pinger{a}}
	resp, err := client.Do(req)
	if err != nil {
		return challenge{}, told(err)
	}
	err = transport.CheckError(resp, http.StatusOK, http.StatusUnauthorized)
	if err == nil {
		_, _ = io.Copy(io.Discard, resp.Body) // so that its connection is used again; package limit bounds it
	}
	_ = resp.Body.Close() // nothing in it is needed
	c, _ := challengeOf(resp)
	return c, err
}

// pinger sends a ping.
//
// Where a registry, or the proxy in front of one, does not respond to it properly (403, 404 or
// 405), the repository is asked what it requires.
type pinger struct{ *authorized }

// RoundTrip implements [http.RoundTripper].
func (p pinger) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Response != nil { // a redirect
		return p.follow(req)
	}
	resp, err := p.reach(req)
	if err != nil {
		return nil, err
	}
	return p.settle(req, resp)
}

// follow sends a ping to where the registry redirected it.
func (p pinger) follow(req *http.Request) (*http.Response, error) {
	resp, err := p.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if p.client.config.canonicalHost(req.URL.Host) != p.repo.RegistryStr() {
		ignoreForeign(resp)
		return resp, nil
	}
	return p.settle(req, resp)
}

// settle asks the repository where the registry does not say what it requires.
func (p pinger) settle(req *http.Request, resp *http.Response) (*http.Response, error) {
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		_ = resp.Body.Close() // it says no more than its status
		return p.askRepository(req)
	}
	return resp, nil
}

// askRepository asks for a manifest, which need not exist.
func (p pinger) askRepository(req *http.Request) (*http.Response, error) {
	probe := req.Clone(req.Context())
	probe.Method = http.MethodHead
	probe.URL.Path = "/v2/" + p.repo.RepositoryStr() + "/manifests/" + "latest"
	resp, err := p.reach(probe)
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
// requirements of its own, it says so in response to the first request that needs them.
func ignoreForeign(resp *http.Response) {
	if !temporary(resp) && resp.StatusCode >= http.StatusBadRequest {
		resp.StatusCode = http.StatusOK
	}
}

// challenged reports whether a response asks for credentials.
func challenged(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && resp.Header.Get("WWW-Authenticate") != ""
}

// temporary reports whether a response says nothing about the resource.
func temporary(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError
}

// passing reports whether a response says that the registry is busy or away.
func passing(resp *http.Response) bool {
	return retry.IsRetryable(&transport.Error{StatusCode: resp.StatusCode})
}

// wantsLess reports whether a response's body says that its registry wants less traffic, whatever
// the status says. The body can be read again.
func wantsLess(resp *http.Response) bool {
	body, _ := io.ReadAll(resp.Body) // package limit has read it
	_ = resp.Body.Close()            // it was read
	resp.Body = io.NopCloser(bytes.NewReader(body))
	twin := *resp
	twin.Body = io.NopCloser(bytes.NewReader(body))
	return retry.IsRetryable(transport.CheckError(&twin))
}

// hides reports whether a response may be one that somebody with credentials would not get. A page
// for people may be where to log in.
func hides(resp *http.Response) bool {
	if contentType(resp.Header) == "text/html" {
		return true
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusGone, http.StatusUnavailableForLegalReasons:
		return true
	}
	return false
}
