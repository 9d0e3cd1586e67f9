package limit

import (
	"bytes"
	"io"
	"net/http"
)

// maxErrorBytes is how much of an error body is kept. go-containerregistry reads as much, and loses
// the status too if there is more.
const maxErrorBytes = 64 << 10

// errorBody reads rc up to maxErrorBytes, closes it, and returns what it read. It closes the body
// because go-containerregistry v0.22.1 leaves that of a tag listing open (remote/list.go). If
// reading fails, it returns what came before: the status matters more.
//
// Error bodies end up in messages and logs, so errorBody removes credentials that the registry
// repeats in them.
func errorBody(req *http.Request, rc io.ReadCloser) io.ReadCloser {
	defer func() { _ = rc.Close() }() // the rest is not needed
	kept, err := io.ReadAll(io.LimitReader(rc, maxErrorBytes))
	cut := err != nil || len(kept) == maxErrorBytes
	for _, secret := range secrets(req) {
		kept = bytes.ReplaceAll(kept, []byte(secret), []byte("..."))
		if cut {
			kept = trimCutSecret(kept, secret)
		}
	}
	return io.NopCloser(bytes.NewReader(kept))
}

// trimCutSecret removes the beginning of a secret from the end of text: the text may have been cut
// in the middle of one.
func trimCutSecret(text []byte, secret string) []byte {
	for n := min(len(secret), len(text)); n > 0; n-- {
		if trimmed, found := bytes.CutSuffix(text, []byte(secret[:n])); found {
			return trimmed
		}
	}
	return text
}
