package registry

import (
	"errors"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// elsewhere is noted on the error of a request that was sent to another host than the registry.
type elsewhere struct {
	host     string
	response *transport.Error // there may be others, of other places
}

// RespondedElsewhere reports whether err is the response of another server than the registry and
// its token server, such as the storage to which the registry redirects, and which one that is. It
// is shown no credentials; so it cannot refuse them.
func RespondedElsewhere(err error) (host string, ok bool) {
	if err == nil {
		return "", false
	}
	var response *transport.Error
	if !errors.As(err, &response) || response.Request == nil {
		return "", false
	}
	last := response.Request
	first := last
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if !guard.SameHost(first.URL.Host, last.URL.Host, last.URL.Scheme) {
		return guard.Undisguise(last.URL.Host), true
	}
	sent, ok := errdef.NoteOf[elsewhere](err)
	return sent.host, ok && sent.response == response
}

// hasStatus reports whether err is a response with one of these statuses.
func hasStatus(err error, statuses ...int) bool {
	var response *transport.Error
	return errors.As(err, &response) && slices.Contains(statuses, response.StatusCode)
}

// noteElsewhere marks the error of a request that the registry asked to be sent to another host.
func (s *session) noteElsewhere(req *http.Request, err error) error {
	var response *transport.Error
	if guard.SameHost(req.URL.Host, s.repo.RegistryStr(), req.URL.Scheme) || !errors.As(err, &response) {
		return err
	}
	return errdef.WithNote(err, elsewhere{guard.Undisguise(req.URL.Host), response})
}
