package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/manifest"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// A Manifest is an image manifest as a registry sent it.
type Manifest struct {
	Descriptor v1.Descriptor // its digest is that of Raw
	Manifest   *v1.Manifest
	Raw        []byte
}

// Absent is noted on the error of a registry that says it has no such manifest (errdef.NoteOf).
// That of a storage which the registry redirects to, or of a token server, is another matter.
type Absent struct{}

// NotImage is noted on errdef.ErrUnsupportedManifest (errdef.NoteOf) if what was found is a
// manifest of another kind, such as an index, and not, for example, a page of HTML.
type NotImage struct {
	MediaType types.MediaType // as the manifest itself or else the registry says; may be empty
	Digest    v1.Hash
}

// Manifest fetches a manifest from the first place whose manifest accept does not reject, and also
// returns that place. accept may be nil.
func (s *Source) Manifest(ctx context.Context, ref name.Reference, accept func(*v1.Manifest) error) (m *Manifest, from name.Repository, err error) {
	from, err = s.ask(ctx, func(ctx context.Context, session *session) (err error) {
		m, err = session.manifest(ctx, in(session.repo, ref))
		if err == nil && accept != nil {
			err = accept(m.Manifest)
		}
		return err
	})
	if err != nil {
		return nil, from, err
	}
	return m, from, nil
}

// Head resolves ref to a digest without fetching the manifest. If no place gives a usable response,
// Head returns neither a digest nor an error: a GET may tell more.
//
// The digest is the registry's word. It may serve to find that nothing has changed, and for nothing
// else.
func (s *Source) Head(ctx context.Context, ref name.Reference) (digest v1.Hash, from name.Repository, err error) {
	from, err = s.ask(ctx, func(ctx context.Context, session *session) error {
		said, err := session.headManifest(ctx, in(session.repo, ref))
		if err == nil {
			digest = said
		} else if session.begun() && !retry.IsRetryable(err) { // if not, a GET fails in the same way
			err = fmt.Errorf("%w: %w", errHead, err)
		}
		return err
	})
	if errors.Is(err, errHead) {
		return v1.Hash{}, from, nil
	}
	return digest, from, err
}

var errHead = errors.New("no proper response to HEAD")

// headManifest returns the digest that a registry says an image manifest has.
func (s *session) headManifest(ctx context.Context, ref name.Reference) (v1.Hash, error) {
	resp, err := s.do(ctx, s.manifestRequest(http.MethodHead, ref))
	if err != nil {
		return v1.Hash{}, err
	}
	if err := resp.Body.Close(); err != nil {
		return v1.Hash{}, err
	}
	said := digestHeaders(resp.Header)
	mediaType := contentType(resp.Header)
	switch {
	case !mediaType.IsImage() && !isGeneric(mediaType):
		return v1.Hash{}, fmt.Errorf("Content-Type %q", mediaType)
	case len(said) == 0:
		return v1.Hash{}, fmt.Errorf("no valid %s", digestHeader)
	case slices.ContainsFunc(said, func(h v1.Hash) bool { return h != said[0] }):
		return v1.Hash{}, fmt.Errorf("several values of %s", digestHeader)
	}
	return said[0], nil
}

// manifest fetches, verifies and decodes a manifest.
func (s *session) manifest(ctx context.Context, ref name.Reference) (*Manifest, error) {
	raw, header, err := s.getManifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	digest, err := verifyManifest(ref, header, raw)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(raw, contentType(header))
	if err != nil {
		return nil, noteKind(err, raw, contentType(header), digest)
	}
	d := v1.Descriptor{MediaType: m.MediaType, Size: int64(len(raw)), Digest: digest}
	return &Manifest{Descriptor: d, Manifest: m, Raw: raw}, nil
}

// getManifest fetches a manifest of any kind, unverified.
func (s *session) getManifest(ctx context.Context, ref name.Reference) ([]byte, http.Header, error) {
	resp, err := s.do(ctx, s.manifestRequest(http.MethodGet, ref))
	if err != nil {
		if saysAbsent(err) {
			err = errdef.WithNote(err, Absent{})
		}
		return nil, nil, err
	}
	raw, err := io.ReadAll(resp.Body) // package limit bounds it
	return raw, resp.Header, errors.Join(err, resp.Body.Close())
}

func (s *session) manifestRequest(method string, ref name.Reference) request {
	return request{
		method: method, url: s.url("manifests/" + ref.Identifier()),
		header:   http.Header{"Accept": {acceptedManifests}},
		statuses: []int{http.StatusOK},
	}
}

// acceptedManifests includes what is refused afterwards: "an index" says more than "not found".
const acceptedManifests = string(types.OCIManifestSchema1 + "," + types.DockerManifestSchema2 + "," +
	types.OCIImageIndex + "," + types.DockerManifestList + "," +
	types.DockerManifestSchema1 + "," + types.DockerManifestSchema1Signed)

// saysAbsent reports whether err is a registry's own 404 for a manifest. That of a place which the
// registry redirects to counts only if it has a registry's code for it. One that comes with the
// code for something else, or with a page for people, does not say so.
func saysAbsent(err error) bool {
	response, ok := err.(*transport.Error) //nolint:errorlint // one inside another error came from a token server, or with a page
	if !ok || response.StatusCode != http.StatusNotFound {
		return false
	}
	if hasCode(response, transport.UnauthorizedErrorCode, transport.DeniedErrorCode, transport.UnsupportedErrorCode,
		transport.TooManyRequestsErrorCode, transport.UnavailableErrorCode) {
		return false
	}
	redirected := response.Request != nil && response.Request.Response != nil
	return !redirected || hasCode(response, transport.ManifestUnknownErrorCode, transport.NameUnknownErrorCode)
}

func hasCode(response *transport.Error, codes ...transport.ErrorCode) bool {
	return slices.ContainsFunc(response.Errors, func(d transport.Diagnostic) bool { return slices.Contains(codes, d.Code) })
}

// contentType returns a response's media type without parameters.
func contentType(header http.Header) types.MediaType {
	bare, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return types.MediaType(strings.ToLower(strings.TrimSpace(bare)))
}

// isGeneric reports whether a Content-Type says nothing about the kind of a manifest, as from a
// static file server.
func isGeneric(t types.MediaType) bool {
	switch t {
	case "", "application/json", "application/octet-stream", "binary/octet-stream", "text/plain":
		return true
	}
	return false
}

// parseManifest decodes an image manifest. Its own media type counts, and the registry's only where
// it has none. Where the registry calls it an index, others may read it as one, so that the same
// digest would name two things: it is refused.
func parseManifest(raw []byte, sentAs types.MediaType) (*v1.Manifest, error) {
	original := sentAs
	if isGeneric(sentAs) {
		sentAs = types.OCIManifestSchema1
	}
	m, err := manifest.Parse(raw, sentAs)
	if err == nil && original.IsIndex() {
		err = fmt.Errorf("%w: an image manifest that is sent as an index (%s)", errdef.ErrUnsupportedManifest, original)
	}
	return m, err
}

// noteKind notes on the error of parseManifest what else was found, if that is a manifest. One that
// somebody may take for an image manifest, because it is ambiguous or too large, is not noted.
func noteKind(err error, raw []byte, sentAs types.MediaType, digest v1.Hash) error {
	var m struct {
		SchemaVersion int64           `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Config        json.RawMessage `json:"config"`
		Manifests     json.RawMessage `json:"manifests"`
	}
	isManifest := json.Unmarshal(raw, &m) == nil && (m.SchemaVersion > 0 || m.MediaType != "")
	mayBeImage := m.Config != nil && (m.MediaType == "" || m.MediaType.IsImage() || m.Manifests != nil)
	if !isManifest || mayBeImage {
		return err
	}
	if m.MediaType == "" {
		m.MediaType = sentAs
	}
	return errdef.WithNote(err, NotImage{m.MediaType, digest})
}
