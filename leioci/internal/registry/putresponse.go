package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// responseToPut returns the response to the put of a manifest that err is about, if it is: and not
// about one to a request for a token, or to the upload of a blob.
func responseToPut(err error) (*transport.Error, bool) {
	var response *transport.Error
	if !errors.As(err, &response) || response.Request == nil || response.Request.Method != http.MethodPut {
		return nil, false
	}
	return response, strings.Contains(response.Request.URL.Path, "/manifests/")
}

// doubtful is noted on the error of a put whose response does not tell what became of it.
type doubtful struct{}

// isUnanswered reports whether err leaves open whether the put was carried out: the request broke
// off, or ended with its context, after there was a connection; a gateway responded because the
// registry did not; or the registry's own response does not tell.
func isUnanswered(ctx context.Context, err error) bool {
	if _, ok := errdef.NoteOf[doubtful](err); ok {
		return true
	}
	if response, ok := responseToPut(err); ok {
		return response.StatusCode == http.StatusBadGateway || response.StatusCode == http.StatusGatewayTimeout
	}
	var response *transport.Error
	if errors.As(err, &response) { // to a request for a token
		return false
	}
	var network *net.OpError
	connected := !errors.As(err, &network) || network.Op != "dial"
	sent := ctx.Err() != nil || retry.IsRetryable(err)
	return err != nil && connected && sent
}

// isFailing reports whether err is the response to a put of a registry, or of a proxy in front of
// it, that failed in the middle of it: the put may have been carried out all the same.
func isFailing(err error) bool {
	response, ok := responseToPut(err)
	return ok && (response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusRequestTimeout)
}

// lacksBlob reports whether err is the response of a registry that misses a blob of the manifest.
func lacksBlob(err error) bool {
	response, ok := responseToPut(err)
	if !ok {
		return false
	}
	for _, d := range response.Errors {
		text := strings.ToLower(fmt.Sprint(d.Message, " ", d.Detail))
		unknown := strings.Contains(text, "unknown") || strings.Contains(text, "not found") ||
			strings.Contains(text, "missing") || strings.Contains(text, "not exist")
		if d.Code == transport.ManifestBlobUnknownErrorCode || d.Code == transport.BlobUnknownErrorCode ||
			strings.Contains(text, "blob") && unknown {
			return true
		}
	}
	return false
}

// mayLackBlob reports whether err may be that, in other words: then the blobs are looked for.
func mayLackBlob(err error) bool {
	response, ok := responseToPut(err)
	if !ok {
		return false
	}
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// mayBeImmutable reports whether a status is one that registries have for a tag which must not be
// overwritten: no specification names one.
func mayBeImmutable(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusConflict,
		http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
