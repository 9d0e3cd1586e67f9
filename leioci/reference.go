package leioci

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The grammar of a reference. That of a repository is the OCI distribution specification's,
// "Pulling manifests"; a registry is host[:port] by RFC 3986, the host a name or an address.
var (
	registryGrammar = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*` +
		`|\[[a-fA-F0-9:]+(\.[0-9]+){0,3}\])(:[0-9]{1,5})?$`)
	repositoryGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
)

// maxRepositoryLength is what registries accept, and go-containerregistry.
const maxRepositoryLength = 255

// wantReference ends the message of every refused reference.
const wantReference = "want registry/repository[:tag][@digest], for example ghcr.io/org/lei-cache:latest"

// ParseReference reads [oci://]registry/repository[:tag][@digest]. The scheme may be in any case.
// The first path segment is always the registry, so that "registry/repo" is not looked for on
// Docker Hub; docker.io becomes index.docker.io, its API's host. Without tag and digest, the tag
// is "latest". With a digest (sha256 or sha512) the result is a [name.Digest], and a tag before it
// is checked and dropped; otherwise it is a [name.Tag].
//
// The contract's three strings are ref.Context().RegistryStr(), ref.Context().RepositoryStr() and
// ref.Identifier(). Do not parse ref.String() with package name again: it reads a registry without
// dot and port as a repository of Docker Hub.
//
// The error is [ErrInvalidReference]; it says what is wrong and what to write instead.
func ParseReference(s string) (name.Reference, error) {
	p, err := split(s)
	if err != nil {
		return nil, err
	}
	switch {
	case p.digest != "":
		return p.repository.Digest(p.digest), nil
	case p.tag != "":
		return p.repository.Tag(p.tag), nil
	default:
		return p.repository.Tag(tagLatest), nil
	}
}

// ParseRepository reads [oci://]registry/repository as [ParseReference] does, and refuses a tag and a digest.
// The error is [ErrInvalidReference].
func ParseRepository(s string) (name.Repository, error) {
	p, err := split(s)
	if err != nil {
		return name.Repository{}, err
	}
	if p.tag != "" || p.digest != "" {
		return name.Repository{}, fmt.Errorf("%w %s: has a tag or a digest; want registry/repository alone", ErrInvalidReference, quote(s))
	}
	return p.repository, nil
}

// parts is a checked reference; tag and digest are empty where the reference has none.
type parts struct {
	repository  name.Repository
	tag, digest string
}

func split(s string) (parts, error) {
	p, err := splitChecked(s)
	if err != nil {
		return parts{}, fmt.Errorf("%w %s: %w; %s", ErrInvalidReference, quote(s), err, wantReference)
	}
	return p, nil
}

func splitChecked(s string) (parts, error) {
	rest, err := trimScheme(s)
	if err != nil {
		return parts{}, err
	}
	registry, rest, ok := strings.Cut(rest, "/")
	if !ok || registry == "" || rest == "" {
		return parts{}, fmt.Errorf("registry or repository is missing (the first segment is always the registry)")
	}
	if !registryGrammar.MatchString(registry) {
		if strings.EqualFold(registry[:min(4, len(registry))], "oci:") {
			return parts{}, fmt.Errorf("write oci:// before the registry, or nothing, in place of %q", registry[:4])
		}
		return parts{}, fmt.Errorf("the registry %s is not host or host:port", quote(registry))
	}
	if _, port, ok := strings.Cut(registry[strings.LastIndex(registry, "]")+1:], ":"); ok {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return parts{}, fmt.Errorf("the port %s is not one", quote(port))
		}
	}
	rest, digest, hasDigest := strings.Cut(rest, "@")
	if hasDigest {
		if _, err := v1.NewHash(digest); err != nil {
			return parts{}, fmt.Errorf("the digest %s is not sha256:<64 hex> or sha512:<128 hex>", quote(digest))
		}
	}
	repository, tag, hasTag := strings.Cut(rest, ":")
	if hasTag {
		if err := checkTag(tag); err != nil {
			return parts{}, err
		}
	}
	if len(repository) > maxRepositoryLength || !repositoryGrammar.MatchString(repository) {
		return parts{}, fmt.Errorf("the repository %s is not lower-case letters and digits, single separators between them, in at most %d characters",
			quote(repository), maxRepositoryLength)
	}
	reg, err := name.NewRegistry(registry, name.StrictValidation)
	if err != nil {
		return parts{}, err
	}
	return parts{repository: reg.Repo(repository), tag: tag, digest: digest}, nil
}

// trimScheme removes oci://, and refuses what looks like another scheme with a word on what to write.
func trimScheme(s string) (string, error) {
	const scheme = "oci://"
	rest := s
	if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		rest = s[len(scheme):]
	}
	if before, after, ok := strings.Cut(rest, "://"); ok {
		return "", fmt.Errorf("write %s without %s", quote(after), quote(before+"://"))
	}
	return rest, nil
}

// userinfo is what stands before the @ in the authority of a URL: a mistyped reference may carry a password there.
var userinfo = regexp.MustCompile(`(^|//)[^/]*@`)

// quote returns s for an error message: escaped, short, and without a password.
func quote(s string) string {
	const most = 200
	s = userinfo.ReplaceAllString(s, "$1...@")
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}
