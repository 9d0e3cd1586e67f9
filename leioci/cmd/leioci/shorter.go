package main

import (
	"regexp"
	"strings"
)

// longMessage is from how many bytes a message loses what a person can do without.
const longMessage = 250

// shorter returns a message without what it says twice or what --verbose says as well: the URLs of
// requests to the repository that it is about and, if it is still long, most digits of digests.
func shorter(message string) string {
	message = overEither(message)
	message = withoutURLs(message)
	message = strings.ReplaceAll(message, " (HEAD responses have no body, use GET for details)", "")
	message = strings.ReplaceAll(message, ") (", "; ")
	for _, lose := range []func(string) string{withoutDigits, withoutOtherURLs, withoutRepetition} {
		if len(message) > longMessage {
			message = lose(message)
		}
	}
	return message
}

// withoutDigits leaves the first digits of digests.
func withoutDigits(message string) string {
	return regexp.MustCompile(`(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{20,}`).ReplaceAllString(message, "$1...")
}

// withoutOtherURLs removes the URLs of requests to hosts that a message names elsewhere, such as
// those to which a registry redirects.
func withoutOtherURLs(message string) string {
	requests := regexp.MustCompile(`(?:[A-Z][a-z]+ "https?://([^/\s"]+)/[^\s"]*": |[A-Z]+ https?://([^/\s"]+)/\S*(?:: |\.\.\. ))`)
	port := regexp.MustCompile(`:[0-9]+$`)
	return requests.ReplaceAllStringFunc(message, func(text string) string {
		m := requests.FindStringSubmatch(text)
		host := port.ReplaceAllString(m[1]+m[2], "")
		if strings.Contains(strings.ReplaceAll(message, text, ""), host) {
			return ""
		}
		return text
	})
}

// withoutRepetition removes words that others near them imply: what is put under a tag that has
// been named, what is written to a place that has been named, and a registry's code for the kind of
// error.
func withoutRepetition(message string) string {
	for _, repeated := range []struct{ pattern, short string }{
		{`((?:; |failed: )[^:;]{1,300}): put manifest \S+: `, "$1: "},
		{`(oci-(?:archive|layout):[^@]+@[^\s:]+:[^\s:]+: (?:[a-z ]+: )?)oci-[^@]{1,300}: write \S+: `, "$1"},
		{`unexpected status code ([0-9]{3}) `, "$1 "},
		{`denied: DENIED: `, "denied: "},
		{`unauthorized: UNAUTHORIZED: `, "unauthorized: "},
	} {
		message = regexp.MustCompile(repeated.pattern).ReplaceAllString(message, repeated.short)
	}
	return message
}

// request matches the beginning of an error of a request to a registry, as package http writes it or
// as go-containerregistry does.
const request = `(?:[A-Z][a-z]+ "https?://([^/\s"]+)/v2/([^\s"]*)": |[A-Z]+ https?://([^/\s"]+)/v2/(\S*)(?:: |\.\.\. ))`

// withoutURLs removes the URLs of requests to the repositories that a message names anyway.
func withoutURLs(message string) string {
	requests := regexp.MustCompile(request)
	return requests.ReplaceAllStringFunc(message, func(text string) string {
		m := requests.FindStringSubmatch(text)
		host, path := m[1]+m[3], m[2]+m[4]
		repository, _, _ := strings.Cut(path, "/manifests/")
		for _, end := range []string{"/blobs/", "/tags/", "/referrers/"} {
			repository, _, _ = strings.Cut(repository, end)
		}
		if about := host + "/" + repository; strings.Contains(strings.ReplaceAll(message, text, ""), about) {
			return ""
		}
		return text
	})
}

// overEither shortens what happened to a request over https, and then over http: what is the same is
// said once, and that one of them is not what the server speaks is not said.
func overEither(message string) string {
	both := regexp.MustCompile(`[A-Z][a-z]+ "https(://[^\s"]+)": ([^;]*); (?:[A-Z][a-z]+ "http(://[^\s"]+)": |[A-Z]+ http(://[^\s"]+): )([^;()]*)`)
	return both.ReplaceAllStringFunc(message, func(text string) string {
		m := both.FindStringSubmatch(text)
		url, secure, plain := m[1], m[2], m[5]
		switch {
		case url != m[3]+m[4]:
			return text
		case strings.Contains(secure, "server gave HTTP response to HTTPS client"):
			return `Get "http` + url + `": ` + plain
		case strings.TrimSpace(plain) == strings.TrimSpace(secure), strings.Contains(plain, "HTTP request to an HTTPS server"):
			return `Get "https` + url + `": ` + secure + plain[len(strings.TrimRight(plain, " ")):]
		}
		return "over https: " + secure + "; over http: " + plain
	})
}
