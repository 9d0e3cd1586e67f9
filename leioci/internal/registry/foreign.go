package registry

import (
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// elsewhere sends a request to a host that the registry redirected to, without credentials. If that
// is another registry, it may want a token, which is requested without credentials.
func (a *authorized) elsewhere(in *http.Request) (*http.Response, error) {
	resp, err := a.base.RoundTrip(in)
	if err != nil {
		return nil, err
	}
	c, ok := challengeOf(resp)
	if !ok || !c.isBearer() || !canSendAgain(in) || in.URL.Scheme == "http" && !guard.Loopback(in.URL.Hostname()) {
		return resp, nil
	}
	other, err := name.NewRegistry(in.URL.Host)
	if err != nil {
		return resp, nil //nolint:nilerr // the response says more
	}
	token, _, err := a.client.exchange(in.Context(), exchange{
		registry: other, auth: authn.Anonymous, base: a.base,
		scopes: []string{c.parameters["scope"]}, challenge: c.transport(in.URL.Scheme == "http"),
	})
	if err != nil {
		return resp, nil //nolint:nilerr // the response says more
	}
	_ = resp.Body.Close() // it is not returned
	again := in.Clone(in.Context())
	again.Header.Set("Authorization", "Bearer "+token)
	return a.base.RoundTrip(again)
}
