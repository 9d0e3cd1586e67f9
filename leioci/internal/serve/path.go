package serve

import (
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/lazyregexp"
)

// The grammar of the OCI distribution specification, "Pulling manifests".
var (
	validName = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	validTag  = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// A target is what a URL names.
type target struct {
	kind   string  // "manifests", "blobs", "tags" or "referrers"; empty for whether this is a registry
	name   string  // of the repository
	id     string  // a tag or a digest
	digest v1.Hash // if that is what it is
}

var (
	onlyRead     = problem{http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is only read"}
	nowhere      = problem{http.StatusNotFound, "NAME_UNKNOWN", "there is nothing under this path"}
	noRepository = problem{http.StatusNotFound, "NAME_UNKNOWN", "there is no such repository here"}
	wrongName    = problem{http.StatusBadRequest, "NAME_INVALID", "invalid repository name"}
	wrongDigest  = problem{http.StatusBadRequest, "DIGEST_INVALID", "want sha256: or sha512: and the hexadecimal digest"}
	noUpload     = problem{http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "nothing can be uploaded here"}
	wrongNumber  = problem{http.StatusBadRequest, "UNSUPPORTED", "n: want a whole number"}
)

// parse reads the path of a URL. A slash that is encoded is none, and no path is cleaned.
func parse(u *url.URL) (target, error) {
	path, ok := strings.CutPrefix(u.Path, "/v2/")
	switch {
	case u.Path == "/v2" || ok && path == "":
		return target{}, nil
	case !ok || len(path) > maxPath || strings.Count(u.EscapedPath(), "/") != strings.Count(u.Path, "/"):
		return target{}, nowhere
	}
	before, last := cutLast(path)
	before, word := cutLast(before)
	t := target{kind: word, name: before, id: last}
	switch {
	case word == "uploads":
		return t, noUpload
	case word != "manifests" && word != "blobs" && word != "referrers" && (word != "tags" || last != "list"):
		return t, nowhere
	case len(t.name) > maxName || !validName().MatchString(t.name):
		return t, wrongName
	}
	var err error
	switch t.digest, err = v1.NewHash(t.id); {
	case word == "manifests" && err != nil && !validTag().MatchString(t.id):
		return t, missing("MANIFEST_UNKNOWN")
	case (word == "blobs" || word == "referrers") && err != nil:
		return t, wrongDigest
	}
	return t, nil
}

// cutLast cuts the last segment off a path.
func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}
