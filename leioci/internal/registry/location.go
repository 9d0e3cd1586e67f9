package registry

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// uploadAt returns where an upload goes on, as a response says.
func (d *Destination) uploadAt(resp *http.Response) (*url.URL, error) {
	to, err := d.client.guard.Location(resp)
	if err != nil {
		return nil, err
	}
	if to.User != nil {
		return nil, errors.New("registry continues an upload at a Location with credentials in it") // net/http would send them
	}
	return to, nil
}

// uploadURL returns the Location of an upload with the blob's digest in place of any other. The
// rest of the query goes back as it came: it may be signed, or not be what package url takes for a
// query.
func uploadURL(to *url.URL, digest v1.Hash) string {
	u := sessionURL(to)
	if strings.Contains(u.RawQuery, "digest") {
		params := slices.DeleteFunc(strings.Split(u.RawQuery, "&"), func(param string) bool {
			key, _, _ := strings.Cut(param, "=")
			return key == "digest"
		})
		u.RawQuery = strings.Join(params, "&")
	}
	between := ""
	if u.RawQuery != "" && !strings.HasSuffix(u.RawQuery, "&") {
		between = "&"
	}
	u.RawQuery += between + "digest=" + url.QueryEscape(digestText(digest))
	return u.String()
}

// sessionURL returns the Location of an upload as it can be sent.
func sessionURL(to *url.URL) *url.URL {
	u := *to
	u.ForceQuery, u.Fragment, u.RawFragment = false, "", ""
	u.RawQuery = strings.ReplaceAll(u.RawQuery, " ", "%20") // a space would end the request line
	return &u
}

// isUpload reports whether a Location is a single upload to the session's repository, in the place
// where registries have those. What is asked to end there is nothing else: a registry may have named
// the blob itself, or a manifest, and would delete that.
func (s *session) isUpload(to *url.URL) bool {
	if s.below.client.config.canonicalHost(to.Host) != s.below.repo.RegistryStr() {
		return false
	}
	name, ok := strings.CutPrefix(path.Clean(to.Path), "/v2/"+s.repo.RepositoryStr()+"/blobs/upload")
	name, found := strings.CutPrefix(strings.TrimPrefix(name, "s"), "/")
	return ok && found && name != "" && !strings.Contains(name, "/")
}
