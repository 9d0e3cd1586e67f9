package limit

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"time"
)

const (
	// maxErrorBytes is how much of an error body is kept. go-containerregistry reads as much, and
	// loses the status too if there is more.
	maxErrorBytes = 64 << 10
	// maxErrorTime is how long an error body may take after its header. A registry that sends a byte
	// from time to time could otherwise keep a client for days.
	maxErrorTime = 5 * time.Second
)

// errorBody reads rc for maxErrorTime and up to maxErrorBytes, closes it, and returns what it read.
// It closes the body because go-containerregistry v0.22.1 leaves that of a tag listing open
// (remote/list.go). If reading fails, it returns what came before: the status matters more.
//
// Error bodies end up in messages and logs, so errorBody removes credentials that the registry
// repeats in them: those of req, and those that were sent before.
func errorBody(req *http.Request, rc io.ReadCloser, sent []string) io.ReadCloser {
	timer := time.AfterFunc(maxErrorTime, func() { _ = rc.Close() }) // which ends the reading
	defer timer.Stop()
	defer func() { _ = rc.Close() }() // the rest is not needed
	kept, err := io.ReadAll(io.LimitReader(rc, maxErrorBytes))
	cut := err != nil || len(kept) == maxErrorBytes
	secrets := slices.Concat(credentials(req), querySecrets(req), sent)
	return io.NopCloser(bytes.NewReader(remove(kept, encoded(secrets), cut)))
}
