package snapshot

import (
	"net/url"
	"strings"
	"unicode"
)

// A repoURL is a repository's name in its parts.
type repoURL struct {
	scheme, host, port, path string
	more                     bool // what follows the path may name the repository
}

// parseRepo reads the three forms in which git takes a repository on another host (git-clone,
// "GIT URLS"), one without a scheme, and abbreviations such as "github:org/project".
func parseRepo(name string) (repoURL, bool) {
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		authority, path, _ := strings.Cut(rest, "/")
		at, _ := afterLast(authority, "@")
		if _, owner, both := strings.Cut(at, ":"); both && owner != "" && !isPort(owner) && strings.HasSuffix(strings.ToLower(scheme), "ssh") && !strings.HasPrefix(at, "[") {
			// npm mixes git's two forms: ssh://git@host:org/project.
			name = scheme + "://" + strings.TrimSuffix(authority, ":"+owner) + "/" + owner + "/" + path
		}
		u, err := url.Parse(name)
		if err != nil || !gitSchemes[strings.ToLower(scheme)] {
			return repoURL{}, false
		}
		host := strings.TrimSuffix(strings.TrimSuffix(u.Host, u.Port()), ":")
		more := u.RawQuery != "" || strings.HasPrefix(strings.TrimPrefix(u.Fragment, "!"), "/")
		return repoURL{strings.ToLower(scheme), host, u.Port(), u.EscapedPath(), more}, true
	}
	if strings.ContainsAny(name, " \t\n\\") {
		return repoURL{}, false
	}
	before, after, ok := strings.Cut(name, ":")
	slash := strings.IndexByte(name, '/')
	host, user := afterLast(before, "@")
	if ok && (slash < 0 || len(before) < slash) && (user || !isPort(after)) {
		if host, known := abbreviations[strings.ToLower(before)]; known {
			return parseRepo("https://" + host + "/" + after)
		}
		if !user && !strings.Contains(host, ".") {
			return repoURL{}, false // a drive, or a scheme that is not git's
		}
		return parseRepo("ssh://" + host + "/" + after)
	}
	if host, _, _ := strings.Cut(name, "/"); slash > 0 && strings.Contains(strings.Trim(host, "."), ".") {
		return parseRepo("https://" + name)
	}
	return repoURL{}, false
}

var (
	// gitSchemes are those by which git reaches another host.
	gitSchemes = map[string]bool{"https": true, "http": true, "ssh": true, "git": true, "git+ssh": true, "ssh+git": true}
	// abbreviations are those of npm, Nix and others.
	abbreviations = map[string]string{"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
)

// hostCharacters are those of names and addresses.
const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789.-_[:]"

// isPort reports whether what follows a colon begins with a port: "host:8080/path".
func isPort(s string) bool {
	port, _, _ := strings.Cut(s, "/")
	return port != "" && strings.Trim(port, "0123456789") == ""
}

// canonical puts the parts together again.
func (u repoURL) canonical() (string, bool) {
	host := strings.TrimSuffix(strings.ToLower(u.host), ".")
	literal := strings.HasPrefix(host, "[") && strings.IndexByte(host, ']') == len(host)-1
	if strings.Trim(host, hostCharacters) != "" || strings.HasSuffix(host, ".") || !literal && strings.ContainsAny(host, "[:]") {
		return "", false
	}
	if name, ok := otherNames[host]; ok {
		host, u.port = name, ""
	}
	segments := strings.FieldsFunc(u.path, func(r rune) bool { return r == '/' })
	for i, escaped := range segments {
		s, err := url.PathUnescape(escaped)
		if err != nil || s == "." || s == ".." || strings.ContainsFunc(s, unicode.IsControl) {
			return "", false
		}
		segments[i] = s
	}
	if h, ok := hosts[host]; ok {
		segments = h.repository(segments)
	} else if u.more {
		return "", false
	}
	if host == "" || len(segments) == 0 {
		return "", false
	}
	last := &segments[len(segments)-1]
	for bare := *last; bare != ""; bare = strings.TrimSuffix(bare, ".git") {
		if *last = bare; !strings.HasSuffix(bare, ".git") {
			break
		}
	}
	if webPort := u.scheme == "https" || u.scheme == "http" && u.port != "80"; webPort && u.port != "" && u.port != "443" {
		host += ":" + u.port
	}
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return "https://" + host + "/" + strings.Join(segments, "/"), true
}

// afterLast returns what comes after the last separator, or all of s.
func afterLast(s, separator string) (after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[i+len(separator):], true
	}
	return s, false
}
