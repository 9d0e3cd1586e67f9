package leioci

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// The schemes of locations that are not registries.
const (
	schemeLayout  = "oci-layout:"
	schemeArchive = "oci-archive:"
)

// locationUsage ends the message for every invalid location.
const locationUsage = "want registry/repository[:tag][@digest], " +
	schemeLayout + "DIR[:TAG|@DIGEST] or " + schemeArchive + "FILE[:TAG|@DIGEST]"

// A Location is where an artifact is, or where it is to be put: in a repository of a registry, in an
// OCI image layout, which is a directory, or in an archive of one, which is a tar file. It may name
// a tag or a digest there.
//
// The zero Location is invalid. Locations can be compared with ==, which compares how they are
// written.
type Location struct {
	scheme string          // schemeLayout, schemeArchive, or empty for a registry
	repo   name.Repository // of a registry
	path   string          // of a layout or an archive, as it was written
	id     string          // a tag or a digest; empty if none was given
}

// ParseLocation parses a location. It is one of
//
//	[oci://]registry/repository[:tag][@digest]   as in ParseReference
//	oci-layout:DIR[:TAG|@DIGEST]                 an OCI image layout in a directory
//	oci-archive:FILE[:TAG|@DIGEST]               an OCI image layout in a tar file
//
// The schemes are not case-sensitive. What follows the last colon of DIR or FILE is a tag, unless it
// has a slash or a backslash: "oci-layout:C:\lei" has none, and for a directory that has a colon in
// its last name, write a slash after it. A name with two colons is refused: without its tag, it would
// be read as another one. The path "-" is refused, because it is meant as standard input or output:
// write "./-" for a file. A tag before a digest is validated and dropped.
//
// Without a tag or a digest, reading takes "latest", and writing the tags of what is written.
//
// The error is [ErrInvalidReference]. For the names that other programs have for such places
// (oci:DIR, docker-archive:FILE, docker://REF and others), and for bare paths, it says what to write
// instead.
func ParseLocation(s string) (Location, error) {
	for _, scheme := range []string{schemeLayout, schemeArchive} {
		if rest, ok := cutScheme(s, scheme); ok {
			l, err := parsePath(scheme, rest)
			if err != nil {
				return Location{}, fmt.Errorf("%w %s: %w", ErrInvalidReference, quote(s), err)
			}
			return l, nil
		}
	}
	if advice := adviseLocation(s); advice != "" {
		return Location{}, fmt.Errorf("%w %s: %s", ErrInvalidReference, quote(s), advice)
	}
	p, err := splitParts(s)
	if err != nil {
		return Location{}, fmt.Errorf("%w %s: %w; %s", ErrInvalidReference, quote(s), err, locationUsage)
	}
	l := Location{repo: p.repository, id: p.tag}
	if p.digest != "" {
		l.id = p.digest
	}
	return l, nil
}

// RegistryLocation returns the location of what a reference names in its registry.
func RegistryLocation(ref name.Reference) Location {
	if registry.IsNil(ref) {
		return Location{}
	}
	return Location{repo: ref.Context(), id: ref.Identifier()}
}

// cutScheme removes a scheme, in any case.
func cutScheme(s, scheme string) (rest string, ok bool) {
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return s, false
	}
	return s[len(scheme):], true
}

// parsePath parses what follows the scheme of a layout or an archive.
func parsePath(scheme, s string) (Location, error) {
	l := Location{scheme: scheme, path: s}
	if before, after, ok := strings.Cut(s, "://"); ok && isScheme(before) {
		return l, fmt.Errorf("a path is wanted after %s, not a URL; a registry is written without %[1]s: %s", scheme, quote(after))
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		return l, fmt.Errorf("no slashes are wanted after %s; write %s", scheme, quote(scheme+"/"+strings.TrimLeft(rest, "/")))
	}
	if at := strings.LastIndex(s, "@"); at >= 0 && looksLikeDigest(s[at+1:]) {
		l.path, l.id = s[:at], s[at+1:]
		if _, err := v1.NewHash(l.id); err != nil {
			return l, fmt.Errorf("invalid digest %s: want sha256:<64 hex> or sha512:<128 hex>", quote(l.id))
		}
	}
	colon := strings.LastIndex(l.path, ":")
	if colon >= 0 && !strings.ContainsAny(l.path[colon:], `/\`) {
		tag := l.path[colon+1:]
		if err := checkTag(tag); err != nil {
			return l, err
		}
		l.path = l.path[:colon]
		if again := strings.LastIndex(l.path, ":"); again >= 0 && !strings.ContainsAny(l.path[again:], `/\`) {
			return l, errors.New("two colons in the last name, where one begins a tag; write a slash after a directory whose " +
				"name has a colon, @ before a digest, and rename a file")
		}
		if l.id == "" {
			l.id = tag
		}
	}
	if at := strings.LastIndex(l.path, "@"); at >= 0 && looksLikeDigest(l.path[at+1:]+":") {
		return l, errors.New("a name with @ and what begins a digest; rename it")
	}
	if l.path == "" || strings.ContainsRune(l.path, 0) {
		return l, fmt.Errorf("no path; %s", locationUsage)
	}
	if l.path == "-" {
		return l, fmt.Errorf("a layout or an archive is not read from standard input, or written to standard output; "+
			"give a path, or %s./- for one with this name", scheme)
	}
	return l, nil
}

// looksLikeDigest reports whether s is meant as a digest, and not as the end of a path.
func looksLikeDigest(s string) bool {
	algorithm, _, ok := strings.Cut(s, ":")
	length, isSHA := strings.CutPrefix(strings.ToLower(algorithm), "sha")
	return ok && isSHA && strings.Trim(length, digits) == ""
}

// String returns the location as [ParseLocation] takes it.
func (l Location) String() string {
	var s string
	switch {
	case l.path != "":
		s = l.scheme + l.path
	case l.isZero():
		return ""
	default:
		s = l.repo.Name()
		if adviseLocation(s) != "" { // it looks like something else
			s = "oci://" + s
		}
	}
	switch {
	case l.id == "":
		return s
	case l.byDigest():
		return s + "@" + l.id
	}
	return s + ":" + l.id
}

// Repository returns the repository of a location in a registry. ok is false for any other one.
func (l Location) Repository() (repo name.Repository, ok bool) {
	return l.repo, l.path == "" && !l.isZero()
}

// Path returns the directory of a layout, or the file of an archive, as it was written. It is empty
// for a registry.
func (l Location) Path() string { return l.path }

// Identifier returns the tag or the digest, or "" if there is none.
func (l Location) Identifier() string { return l.id }

func (l Location) isZero() bool { return l == Location{} }

// byDigest reports whether the location names a digest. No tag has a colon.
func (l Location) byDigest() bool { return strings.Contains(l.id, ":") }

// Place returns the location without its tag or digest.
func (l Location) Place() Location {
	l.id = ""
	return l
}

// At returns another tag or digest of the same place. It is checked where it is used.
func (l Location) At(id string) Location {
	l.id = id
	return l
}

// check returns an error if nothing can be read from or written to the location.
func (l Location) check(op string) error {
	if l.isZero() {
		return fmt.Errorf("%s: %w: no location; use ParseLocation or RegistryLocation", op, ErrInvalidReference)
	}
	if l.id != "" {
		if err := checkIdentifier(l.id); err != nil {
			return fmt.Errorf("%s %s: %w", op, l.Place(), err)
		}
	}
	if l.path != "" {
		return nil
	}
	return checkRepository(op, l.repo)
}

// checkIdentifier returns an error if id is neither a tag nor a digest.
func checkIdentifier(id string) error {
	if !strings.Contains(id, ":") {
		if err := checkTag(id); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalidReference, err)
		}
		return nil
	}
	if _, err := v1.NewHash(id); err != nil {
		return fmt.Errorf("%w: invalid digest %s: want sha256:<64 hex> or sha512:<128 hex>", ErrInvalidReference, quote(id))
	}
	return nil
}
