// Package limit bounds what a registry can make a client read.
package limit

import (
	"bytes"
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

// maxErrorBytes is what is kept of the body of an error. It is what go-containerregistry reads of one; where there is
// more, it forgets the status too.
const maxErrorBytes = 64 << 10

// Transport applies the limits that requests carry in their contexts, for the libraries above it that have none, or
// have them too high. It cuts the bodies of errors short, and closes them itself: go-containerregistry v0.22.1 leaves
// that of a tag listing open (remote/list.go).
type Transport struct{ Base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		resp.Body = errorBody(resp.Body)
	} else if most, limited := req.Context().Value(key{}).(int64); limited && resp.StatusCode == http.StatusOK {
		resp.Body = &body{ReadCloser: resp.Body, left: most, most: most}
	}
	return resp, nil
}

// errorBody reads as much of an error's body as is kept. One that breaks off is kept as far as it came: the status
// says what matters.
func errorBody(rc io.ReadCloser) io.ReadCloser {
	defer func() { _ = rc.Close() }() // nothing more of it is wanted
	kept, _ := io.ReadAll(io.LimitReader(rc, maxErrorBytes))
	return io.NopCloser(bytes.NewReader(kept))
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
		_ = b.Close() // nothing more of it is wanted
		return 0, fmt.Errorf("%w: an answer of more than %d bytes", errdef.ErrTooLarge, b.most)
	}
	return n, err
}
