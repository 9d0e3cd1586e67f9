package limit

import (
	"bytes"
	"io"
	"net/http"
	"strings"
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
	kept, _ := io.ReadAll(io.LimitReader(rc, maxErrorBytes))
	for _, secret := range secrets(req) {
		kept = bytes.ReplaceAll(kept, []byte(secret), []byte("..."))
	}
	return io.NopCloser(bytes.NewReader(kept))
}

// secrets returns what must not be shown of the credentials that req carries.
func secrets(req *http.Request) []string {
	var found []string
	if _, credential, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok && credential != "" {
		found = append(found, credential)
	}
	if _, password, ok := req.BasicAuth(); ok && password != "" {
		found = append(found, password)
	}
	return found
}
