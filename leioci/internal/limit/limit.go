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

// Answer returns a context whose requests, redirected ones too, fail with errdef.ErrTooLarge
// where a successful answer has a body of more than most bytes. It takes effect below a [Transport].
func Answer(ctx context.Context, most int64) context.Context {
	return context.WithValue(ctx, key{}, most)
}

// Transport applies the limits that requests carry in their contexts. It has the limits of libraries above it
// that have none, or have them too high.
type Transport struct{ Base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Base.RoundTrip(req)
	most, limited := req.Context().Value(key{}).(int64)
	if err != nil || !limited || resp.StatusCode != http.StatusOK {
		return resp, err
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
	if b.left >= 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: an answer of more than %d bytes", errdef.ErrTooLarge, b.most)
	}
	return n, err
}
