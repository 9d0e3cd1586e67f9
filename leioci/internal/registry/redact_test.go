package registry_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

func TestRedactShowsNoSecretAndNoPage(t *testing.T) {
	const page = "a page of HTML (from a registry, or from a proxy or another server?)"
	for text, want := range map[string]string{
		"connection refused": "connection refused",
		`Get "https://s.example/blob?X-Amz-Signature=s3cret": EOF`:                       `Get "https://s.example/blob?...": EOF`,
		`Put "https://r.example/up?_state=s3cret&digest=sha256:0": EOF`:                  `Put "https://r.example/up?...": EOF`,
		`https://s.example/a?s3cret and https://s.example/b?s3cret`:                      `https://s.example/a?... and https://s.example/b?...`,
		`GET https://s.example/a?s3cret: unexpected status code 403 Forbidden: DENIED`:   `GET https://s.example/a?... unexpected status code 403 Forbidden: DENIED`,
		`is this "it"? yes, "it" is`:                                                     `is this "it"? yes, "it" is`,
		`Get "https://s.example/a?b=c d&sig=s3cret": EOF`:                                `Get "https://s.example/a?...": EOF`,
		`Get "https://s.example/a?b=\"c\"&sig=s3cret": EOF`:                              `Get "https://s.example/a?...": EOF`,
		`Get "https://s.example/a? s3cret": EOF; Get "https://s.example/)?)s3cret": EOF`: `Get "https://s.example/a?...": EOF; Get "https://s.example/)?...": EOF`,
		`Get "https://s.example/a#access_token=s3cret": EOF`:                             `Get "https://s.example/a#...": EOF`,
		`Get "https://r.example/": failed to parse Location header "https://s.example/s3cret/%zz": parse "https://s.example/s3cret/%zz": invalid URL escape "%zz"`: `Get "https://r.example/": failed to parse Location header "...": parse "...": invalid URL escape "%zz"`,
		`parse "https://u:a\"s3cret@s.example/": net/url: invalid userinfo`:                                                                                        `parse "...": net/url: invalid userinfo`,
		`parse "https://u:s3cret/@s.example/": invalid port ":s3cret" after host`:                                                                                  `parse "...": invalid port "..." after host`,
		"is this it? yes": "is this it? yes",
		"no token in bearer response:\n{\"access_tokn\":\"s3cret\"}": "no token in bearer response:...",
		"502 Bad Gateway: <html><body>s3cret</body></html>\n; again": "502 Bad Gateway: " + page + "; again",
		"502: <html><head><title>502 Bad Gateway</title></head></html>\n (tried 2 times)": "502: a page of HTML titled \"502 Bad Gateway\" " +
			"(from a registry, or from a proxy or another server?) (tried 2 times)",
		"502: <!DOCTYPE HTML>\n<HTML lang=en>\nnever ends":              "502: " + page,
		`DENIED: access denied; map[class:s3cret name:org/cache]; next`: `DENIED: access denied; next`,
		`MANIFEST_UNKNOWN: unknown; [map[Name:a Revision:b]]`:           `MANIFEST_UNKNOWN: unknown`,
		`A: a; map[x:[1 2 map[y:z]]]; B: b; [map[u:[]]]; C: c`:          `A: a; B: b; C: c`,
		`A: a; map[x:[1 2`: `A: a`,
	} {
		if got := registry.Redact(errors.New(text)).Error(); got != want {
			t.Errorf("of %q\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestRedactCutsALongTextShort(t *testing.T) {
	long := registry.Redact(errors.New("begins " + strings.Repeat("e", 1<<20))).Error()
	if !strings.HasPrefix(long, "begins e") || !strings.HasSuffix(long, "e...") || len(long) > 700 {
		t.Errorf("got %d bytes", len(long))
	}
}

func TestARedactedErrorHasTheSameCause(t *testing.T) {
	err := fmt.Errorf(`Get "https://s.example/a?s3cret": %w`, io.ErrUnexpectedEOF)
	if redacted := registry.Redact(err); !errors.Is(redacted, io.ErrUnexpectedEOF) || strings.Contains(redacted.Error(), "s3cret") {
		t.Errorf("got %v", redacted)
	}
	if plain := errors.New("plain"); registry.Redact(plain) != plain {
		t.Error("an error with nothing to hide was changed")
	}
}
