package leioci

import "strings"

// The grammar of a reference. It is read without regular expressions, because those are compiled
// when a program starts, which takes longer than everything else that this module does then.

const (
	digits    = "0123456789"
	lowerCase = "abcdefghijklmnopqrstuvwxyz"
	letters   = lowerCase + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// isRegistry reports whether s is host[:port] as in RFC 3986, where the host is a name or an
// address.
func isRegistry(s string) bool {
	if bracketed, ok := strings.CutPrefix(s, "["); ok {
		address, port, ok := strings.Cut(bracketed, "]")
		return ok && isAddress(address) && (port == "" || port[0] == ':' && isPort(port[1:]))
	}
	host, port, hasPort := strings.Cut(s, ":")
	return isHostName(host) && (!hasPort || isPort(port))
}

// isHostName reports whether s is labels of letters, digits and hyphens, none of which begins or
// ends with a hyphen.
func isHostName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if !consistsOf(label, letters+digits+"-") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// isAddress reports whether s looks like an IPv6 address, which may end in an IPv4 address.
func isAddress(s string) bool {
	const mostParts = 4
	parts := strings.Split(s, ".")
	if len(parts) > mostParts || !consistsOf(parts[0], digits+"abcdefABCDEF:") {
		return false
	}
	for _, part := range parts[1:] {
		if !isNumber(part) {
			return false
		}
	}
	return true
}

func isPort(s string) bool { return isNumber(s) && len(s) <= len("65535") }

func isNumber(s string) bool { return consistsOf(s, digits) }

// isRepository reports whether s is a repository as in the OCI distribution specification, "Pulling
// manifests".
func isRepository(s string) bool {
	for component := range strings.SplitSeq(s, "/") {
		if !isComponent(component) {
			return false
		}
	}
	return true
}

// isComponent reports whether s is lower-case letters and digits with single separators between
// them: a dot, one or two underscores, or any number of hyphens.
func isComponent(s string) bool {
	for {
		rest := strings.TrimLeft(s, lowerCase+digits)
		if rest == s {
			return false
		}
		if rest == "" {
			return true
		}
		s = strings.TrimLeft(rest, "._-")
		switch separator := rest[:len(rest)-len(s)]; separator {
		case ".", "_", "__":
		default:
			if !consistsOf(separator, "-") {
				return false
			}
		}
	}
}

// schemeLike returns the beginning of what may be meant as a URL: slashes, after a scheme or none.
func schemeLike(s string) string {
	rest := s
	if scheme, after, ok := strings.Cut(s, ":"); ok && isScheme(scheme) {
		rest = after
	}
	path := strings.TrimLeft(rest, "/")
	if path == rest {
		return ""
	}
	return s[:len(s)-len(path)]
}

// isScheme reports whether s is the scheme of a URL (RFC 3986, section 3.1).
func isScheme(s string) bool {
	return consistsOf(s, letters+digits+"+.-") && strings.Contains(letters, s[:1])
}

// consistsOf reports whether s has characters, and all of them are among these.
func consistsOf(s, characters string) bool {
	return s != "" && strings.Trim(s, characters) == ""
}
