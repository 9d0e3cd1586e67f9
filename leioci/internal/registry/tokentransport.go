package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// tokenTransport translates between token servers and go-containerregistry v0.22.1, which is
// stricter than other clients (remote/transport/bearer.go).
type tokenTransport struct{ base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t tokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if query := req.URL.Query(); query.Has("service") && query.Get("service") == "" {
		query.Del("service") // the challenge named none
		req = req.Clone(req.Context())
		req.URL.RawQuery = query.Encode()
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		err = rewriteToken(resp)
	case req.Method != http.MethodPost:
	case resp.StatusCode == http.StatusMethodNotAllowed:
		resp.StatusCode = http.StatusNotFound // both mean that tokens are requested with GET
	case resp.StatusCode == http.StatusBadRequest:
		err = rewriteRefusal(resp)
	case resp.StatusCode == http.StatusTemporaryRedirect, resp.StatusCode == http.StatusPermanentRedirect:
		err = checkSameHost(resp)
	}
	if err != nil {
		_ = resp.Body.Close() // err says what is wrong with it
		return nil, fmt.Errorf("token server %s: %w", req.URL.Host, err)
	}
	return resp, nil
}

// maxTokenBytes is go-containerregistry's own limit.
const maxTokenBytes = 64 << 10

// rewriteToken reduces a response to what is used of it. Some servers write expires_in as a string
// or a fraction, which go-containerregistry does not accept; it is not needed, as a token is
// renewed when the registry rejects it. No error quotes the response, which may contain a token.
func rewriteToken(resp *http.Response) error {
	body, err := readBody(resp)
	if err != nil {
		return err
	}
	var fields struct {
		Token        any `json:"token"`
		AccessToken  any `json:"access_token"`
		RefreshToken any `json:"refresh_token"`
	}
	if json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &fields) != nil {
		return errors.New("the response is not a token, but something else (from a proxy or a login page?)")
	}
	token, _ := fields.AccessToken.(string)
	if token == "" {
		token, _ = fields.Token.(string)
	}
	refresh, _ := fields.RefreshToken.(string)
	if token == "" {
		return errors.New("the response contains no token")
	}
	if isUnsendable(token) || isUnsendable(refresh) {
		return errors.New("the response contains a token with a space, a control character or a character outside ASCII")
	}
	body, err = json.Marshal(transport.Token{Token: token, RefreshToken: refresh})
	setBody(resp, body)
	return err
}

// isUnsendable reports whether a token has a character that no header may have.
func isUnsendable(token string) bool {
	return strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// rewriteRefusal turns the 400 with which OAuth 2 rejects a refresh token (RFC 6749, section 5.2)
// into a 401, which is what registries and their clients know.
func rewriteRefusal(resp *http.Response) error {
	body, err := readBody(resp)
	if err != nil {
		return err
	}
	var fields struct {
		Error any `json:"error"`
	}
	_ = json.Unmarshal(body, &fields) // if it is something else, the status says enough
	if fields.Error == "invalid_grant" {
		resp.StatusCode = http.StatusUnauthorized
	}
	setBody(resp, body)
	return nil
}

// checkSameHost refuses a redirect that would take a form, with the identity token in it, to
// another host.
func checkSameHost(resp *http.Response) error {
	to, err := resp.Location()
	if err != nil {
		return errors.New("a redirect without a valid Location")
	}
	if to.Host == resp.Request.URL.Host {
		return nil
	}
	return fmt.Errorf("refusing to follow a redirect to %s, because the identity token would be sent to that host", to.Host)
}

func readBody(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBytes+1))
	if err == nil && len(body) > maxTokenBytes {
		err = fmt.Errorf("the response exceeds %d bytes", maxTokenBytes)
	}
	return body, err
}

// setBody replaces a response's body, which has been read.
func setBody(resp *http.Response, body []byte) {
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Del("Content-Length")
}
