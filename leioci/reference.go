package leioci

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxRepositoryLength is the limit of registries and of go-containerregistry.
const maxRepositoryLength = 255

// maxRegistryLength is that of the longest name in DNS (RFC 1035) with a port.
const maxRegistryLength = 253 + len(":65535")

// referenceUsage ends the message for every invalid reference.
const referenceUsage = "want registry/repository[:tag][@digest], such as ghcr.io/org/lei-cache:latest"

// ParseReference parses [oci://]registry/repository[:tag][@digest]. The scheme is not
// case-sensitive. The first path segment is always the registry, so "registry/repo" does not refer
// to Docker Hub. docker.io, in any case, becomes index.docker.io, the host of its API.
//
// With a digest (sha256 or sha512), the result is a [name.Digest]; a tag before the digest is
// validated and dropped. Otherwise the result is a [name.Tag], whose tag is "latest" by default.
//
// The contract's three strings are ref.Context().RegistryStr(), ref.Context().RepositoryStr() and
// ref.Identifier(). Do not parse ref.String() with package name again: it takes a registry without
// a dot or a port for a repository on Docker Hub.
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

// ParseRepository parses [oci://]registry/repository like [ParseReference], but refuses a tag or
// digest. The error is [ErrInvalidReference].
func ParseRepository(s string) (name.Repository, error) {
	p, err := split(s)
	if err != nil {
		return name.Repository{}, err
	}
	if p.tag != "" || p.digest != "" {
		return name.Repository{}, fmt.Errorf("%w %s: has a tag or a digest; want only registry/repository",
			ErrInvalidReference, quote(s))
	}
	return p.repository, nil
}

// parts are the parts of a valid reference. Without a tag or digest, that field is empty.
type parts struct {
	repository  name.Repository
	tag, digest string
}

func split(s string) (parts, error) {
	p, err := splitParts(s)
	if err != nil {
		return parts{}, fmt.Errorf("%w %s: %w; %s", ErrInvalidReference, quote(s), err, referenceUsage)
	}
	return p, nil
}

func splitParts(s string) (parts, error) {
	if withoutPassword(s) != s {
		return parts{}, errors.New("no user, password or other text may come before the registry; log in to it instead")
	}
	location, err := trimScheme(s)
	if err != nil {
		return parts{}, err
	}
	registry, path, ok := strings.Cut(location, "/")
	for _, scheme := range []string{schemeLayout, schemeArchive} {
		if _, named := cutScheme(registry, scheme); named && !isRegistry(registry) {
			return parts{}, fmt.Errorf("a registry is wanted, and %s is none", scheme)
		}
	}
	if !ok || registry == "" || path == "" {
		return parts{}, fmt.Errorf("missing registry or repository (the first segment is always the registry)")
	}
	if len(registry) > maxRegistryLength || !isRegistry(registry) {
		if strings.EqualFold(registry[:min(4, len(registry))], "oci:") {
			return parts{}, fmt.Errorf("write oci:// or no scheme before the registry, instead of %q", registry[:4])
		}
		return parts{}, fmt.Errorf("invalid registry %s: want host or host:port", quote(registry))
	}
	if _, port, ok := strings.Cut(registry[strings.LastIndex(registry, "]")+1:], ":"); ok {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return parts{}, fmt.Errorf("invalid port %s", quote(port))
		}
	}
	repositoryAndTag, digest, hasDigest := strings.Cut(path, "@")
	if hasDigest {
		if _, err := v1.NewHash(digest); err != nil {
			return parts{}, fmt.Errorf("invalid digest %s: want sha256:<64 hex> or sha512:<128 hex>", quote(digest))
		}
	}
	repository, tag, hasTag := strings.Cut(repositoryAndTag, ":")
	if hasTag {
		if err := checkTag(tag); err != nil {
			return parts{}, err
		}
	}
	if err := checkPath(repository); err != nil {
		return parts{}, err
	}
	reg, err := parseRegistry(registry)
	if err != nil {
		return parts{}, err
	}
	return parts{repository: reg.Repo(repository), tag: tag, digest: digest}, nil
}

// checkPath returns an error if a repository, without its registry, is invalid.
func checkPath(repository string) error {
	if len(repository) > maxRepositoryLength || !isRepository(repository) {
		return fmt.Errorf("invalid repository %s: want up to %d lower-case letters, digits and single separators",
			quote(repository), maxRepositoryLength)
	}
	return nil
}

// parseRegistry parses host or host:port. Names of hosts are not case-sensitive, but
// go-containerregistry knows docker.io in lower case only.
func parseRegistry(s string) (name.Registry, error) {
	if lower := strings.ToLower(s); lower == "docker.io" || lower == name.DefaultRegistry {
		s = name.DefaultRegistry
	}
	return name.NewRegistry(s, name.StrictValidation)
}

// trimScheme removes oci://. The error for any other scheme says what to write instead.
func trimScheme(s string) (string, error) {
	const scheme = "oci://"
	trimmed := s
	if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		trimmed = s[len(scheme):]
	}
	if before, after, ok := strings.Cut(trimmed, "://"); ok {
		return "", fmt.Errorf("write %s without %s", quote(after), quote(before+"://"))
	}
	return trimmed, nil
}

// withoutPassword replaces what stands before the @ of a host in a mistyped reference: it may be a
// user name and a password, which may contain slashes. What follows the @ of a digest contains
// none.
func withoutPassword(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	scheme := schemeLike(s[:at])
	before, after := s[len(scheme):at], s[at+1:]
	first, _, isPath := strings.Cut(before, "/")
	_, port, hasPort := strings.Cut(first[strings.LastIndex(first, "]")+1:], ":")
	isDigest := isPath && !strings.Contains(after, "/")
	if isDigest && (!hasPort || isNumber(port) && !strings.Contains(after, ".")) {
		return withoutPassword(s[:at]) + s[at:]
	}
	return scheme + "...@" + after
}

// quote prepares s for an error message: escaped, truncated, and without a password.
func quote(s string) string {
	const maxLength = 128
	s = withoutPassword(s)
	if len(s) > maxLength {
		s = s[:maxLength] + "..."
	}
	return strconv.Quote(s)
}
