// Package limit bounds what a registry can make a client read.
package limit

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

type key struct{}

// Answer returns a context whose requests, redirected ones too, fail with errdef.ErrTooLarge where a successful answer
// has a body of more than most bytes, in place of the [Transport]'s own limit.
func Answer(ctx context.Context, most int64) context.Context {
	return context.WithValue(ctx, key{}, most)
}

// Transport limits the bodies of answers, for the libraries above it that have no limits, or have them too high:
// go-containerregistry v0.22.1 reads the answer to its first request to the end, however far that is (remote/transport/
// ping.go). The bodies of errors are cut short, see [errorBody].
type Transport struct {
	Base http.RoundTripper
	// Most is how many bytes a successful answer may have, unless its request's context says otherwise.
	Most int64
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		resp.Body = errorBody(req, resp.Body)
		return resp, nil
	}
	most, ok := req.Context().Value(key{}).(int64)
	if !ok {
		most = t.Most
	}
	resp.Body = &body{ReadCloser: resp.Body, left: most, most: most}
	return resp, nil
}

// body fails where the limit is passed. It asks for the byte after the last allowed one, to tell "at" from "over".
type body struct {
	io.ReadCloser
	left, most int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left >= 0 && int64(len(p))-1 > b.left {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		_ = b.Close() // nothing more of it is wanted
		return 0, fmt.Errorf("%w: an answer of more than %d bytes", errdef.ErrTooLarge, b.most)
	}
	return n, err
}
