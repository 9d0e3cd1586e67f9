package limit

import (
	"bytes"
	"io"
	"net/http"
)

// maxErrorBytes is what is kept of the body of an error. It is what go-containerregistry reads of one; where there is
// more, it forgets the status too.
const maxErrorBytes = 64 << 10

// errorBody reads as much of an error's body as is kept, and closes it: go-containerregistry v0.22.1 leaves that of a
// tag listing open (remote/list.go). One that breaks off is kept as far as it came: the status says what matters.
//
// What is kept ends up in messages and logs, so that credentials which the registry repeats are taken out of it.
func errorBody(req *http.Request, rc io.ReadCloser) io.ReadCloser {
	defer func() { _ = rc.Close() }() // nothing more of it is wanted
	kept, err := io.ReadAll(io.LimitReader(rc, maxErrorBytes))
	cut := err != nil || len(kept) == maxErrorBytes
	for _, secret := range secrets(req) {
		kept = bytes.ReplaceAll(kept, []byte(secret), []byte("..."))
		if cut {
			kept = trimStart(kept, secret)
		}
	}
	return io.NopCloser(bytes.NewReader(kept))
}

// trimStart returns text without the start of a secret that it was cut in.
func trimStart(text []byte, secret string) []byte {
	for n := min(len(secret), len(text)); n > 0; n-- {
		if rest, found := bytes.CutSuffix(text, []byte(secret[:n])); found {
			return rest
		}
	}
	return text
}
