package leioci

import (
	"fmt"
	"strings"
)

// otherSchemes returns what other programs call the places of artifacts, each with a function that
// says what to write instead for what follows it.
func otherSchemes() map[string]func(rest string) string {
	layout := func(rest string) string {
		return fmt.Sprintf("for the OCI image layout in a directory, write %s", quotePath(schemeLayout+rest))
	}
	either := func(rest string) string {
		if strings.HasSuffix(strings.ToLower(rest), ".tar") {
			return fmt.Sprintf("for an OCI image layout in a tar file, write %s", quotePath(schemeArchive+rest))
		}
		return layout(rest)
	}
	daemon := func(string) string {
		return "what docker and podman keep is not read; save it as an OCI archive (podman save in the format " +
			"oci-archive, or docker save), and write " + schemeArchive + "FILE"
	}
	return map[string]func(string) string{
		"oci": func(rest string) string {
			return fmt.Sprintf("%s, and for a registry %s", either(rest), quote("oci://"+rest))
		},
		"ocidir": layout, "oci-dir": layout, "oci-layout-path": layout, "layout": layout,
		"dir": func(rest string) string {
			return fmt.Sprintf("%s; the format of dir: is another one, and not read", layout(rest))
		},
		"docker-archive": func(rest string) string {
			return fmt.Sprintf("for an OCI image layout in a tar file, write %s; the older format of docker save is not read",
				quotePath(schemeArchive+rest))
		},
		"oci-tar": either, "oci-tarball": either, "tar": either, "file": either,
		"containers-storage": daemon, "docker-daemon": daemon, "podman": daemon,
	}
}

// adviseLocation says what to write instead of the name that another program has for a place, or of
// a path. It returns "" if s is neither.
func adviseLocation(s string) string {
	if _, ok := cutScheme(s, "oci://"); ok {
		return ""
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if advise, known := otherSchemes()[strings.ToLower(scheme)]; ok && known && !isHostWithPort(rest) {
		return advise(strings.TrimPrefix(rest, "//"))
	}
	if isPath(s) {
		return pathAdvice(s)
	}
	return ""
}

// isHostWithPort reports whether what follows the first colon is a port and a repository, so that
// what precedes it is a host, whatever its name.
func isHostWithPort(afterColon string) bool {
	port, _, ok := strings.Cut(afterColon, "/")
	return ok && isNumber(port)
}

// isPath reports whether s is meant as a path: nothing of the kind begins or ends a reference. A tar
// file's name may be that of a repository, but hardly where no registry's name is before it.
func isPath(s string) bool {
	for _, beginning := range []string{"/", "./", "../", `\`, `.\`, `..\`, "~"} {
		if strings.HasPrefix(s, beginning) {
			return true
		}
	}
	if s == "." || s == ".." || hasDrive(s) {
		return true
	}
	host, _, hasSlash := strings.Cut(s, "/")
	return isTar(s) && (!hasSlash || !strings.ContainsAny(host, ".:") && !strings.EqualFold(host, "localhost"))
}

// hasDrive reports whether s begins with the letter of a drive of Windows.
func hasDrive(s string) bool {
	const drive = len(`C:\`)
	return len(s) >= drive && strings.Contains(letters, s[:1]) && s[1] == ':' && (s[2] == '\\' || s[2] == '/')
}

// isTar reports whether s ends like the name of a tar file.
func isTar(s string) bool {
	lower := strings.ToLower(s)
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
		if strings.HasSuffix(lower, suffix) {
			return true
		}
	}
	return false
}

func pathAdvice(s string) string {
	if isTar(s) {
		return fmt.Sprintf("for an OCI image layout in a tar file, write %s", quotePath(schemeArchive+s))
	}
	return fmt.Sprintf("for an OCI image layout, write %s if it is a directory, or %s if it is a tar file",
		quotePath(schemeLayout+s), quotePath(schemeArchive+s))
}

// quotePath is quote, without the escapes of a path of Windows: what it returns is to be copied.
func quotePath(s string) string { return strings.ReplaceAll(quote(s), `\\`, `\`) }
