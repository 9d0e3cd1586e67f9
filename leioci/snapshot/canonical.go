package snapshot

import (
	"net/url"
	"strings"
)

// CanonicalRepo returns the one spelling of a repository that people write in many ways:
//
//	https://github.com/Org/Project.git/   git@github.com:Org/Project      github.com/org/project
//	ssh://git@github.com/org/project      git+https://github.com/org/project@v1#egg=project
//	pkg:github/Org/Project@1.2.3          https://github.com/org/project/tree/main
//
// are all https://github.com/org/project. The rules:
//
//   - The scheme becomes https, whatever git can be reached by (http, ssh, git, the scp-like form, or
//     none where the host has a dot). User, password and fragment go, and so does a prefix "git+" or
//     "scm:git:". A query goes where the host is one of those below. Elsewhere it may be what names
//     the repository, as in gitweb's "?p=project.git", and so may a fragment that begins with a
//     slash, so these names stay as they are.
//   - The host is written in lower case, without a final dot. The port goes if it is the
//     scheme's, and always with ssh and git, since it says nothing about the others.
//   - Slashes at the end, repeated slashes, and ".git" at the end of the path go.
//   - The hosts that ignore the case of names (github.com, gitlab.com, bitbucket.org, codeberg.org,
//     gitea.com) get them in lower case, without what follows a repository's name: a path into its
//     tree, or "@" and a version. The other hosts keep the path as it is: a private server may tell
//     "Org" from "org".
//   - A package URL of type github, gitlab or bitbucket is that repository, and one with a vcs_url is
//     the repository there (package-url specification, "Known types"). One with a repository_url is
//     on another host, and stays as it is.
//   - "github:org/project", and likewise gitlab and bitbucket, are package managers' abbreviations.
//
// What is not such a name, for example a local path, "unknown" or an owner without a repository, is
// returned as it is. The result is canonical itself. Nothing is looked up: a repository that was
// renamed, or moved to another host, is another one.
func CanonicalRepo(name string) string {
	if isPlain(name) {
		return name
	}
	if canonical, ok := canonicalRepo(strings.TrimSpace(name)); ok {
		return canonical
	}
	return name
}

// isPlain reports whether a name is canonical at first sight, as most are in a snapshot. If it
// reports false, that means nothing.
func isPlain(name string) bool {
	rest, ok := strings.CutPrefix(name, "https://")
	host, path, _ := strings.Cut(rest, "/")
	if !ok || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || host == "" || host[len(host)-1] == '.' || otherNames[host] != "" {
		return false
	}
	segments := 0
	for more := true; more; segments++ {
		var s string
		s, path, more = strings.Cut(path, "/")
		if s == "" || s[0] == '.' || strings.HasSuffix(s, ".git") || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
			return false
		}
	}
	h, known := hosts[host]
	return !known || segments == 2 && !h.nested
}

// canonicalRules is the version of the rules. An index that was made under others does not fit.
const canonicalRules = 2

func canonicalRepo(name string) (string, bool) {
	if purl, ok := cutPrefixFold(name, "pkg:"); ok {
		return canonicalPackage(purl)
	}
	return canonicalURL(name)
}

// canonicalURL is canonicalRepo without package URLs, of which one must not lead to another.
func canonicalURL(name string) (string, bool) {
	name, _ = cutPrefixFold(name, "scm:")
	if rest, ok := cutPrefixFold(name, "git:"); ok && !strings.HasPrefix(rest, "//") {
		name = rest
	}
	name, _ = cutPrefixFold(name, "git+")
	u, ok := parseRepo(name)
	if !ok {
		return "", false
	}
	return u.canonical()
}

// canonicalPackage reads a package URL, without its "pkg:".
func canonicalPackage(purl string) (string, bool) {
	purl, _, _ = strings.Cut(purl, "#")
	path, query, _ := strings.Cut(purl, "?")
	qualifiers, err := url.ParseQuery(strings.ReplaceAll(query, "+", "%2B")) // a package URL has no other spaces than %20
	if err != nil {
		return "", false
	}
	elsewhere := false
	for key, values := range qualifiers {
		elsewhere = elsewhere || strings.EqualFold(key, "repository_url") && strings.Join(values, "") != ""
	}
	switch vcs := qualifiers["vcs_url"]; {
	case len(vcs) == 1 && vcs[0] != "":
		return canonicalURL(vcs[0])
	case len(vcs) > 1 || elsewhere:
		return "", false
	}
	kind, path, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	host, known := abbreviations[strings.ToLower(kind)]
	if !known {
		return "", false
	}
	return canonicalURL("https://" + host + "/" + path)
}

// cutPrefixFold is strings.CutPrefix for a prefix in any case.
func cutPrefixFold(s, prefix string) (after string, found bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
