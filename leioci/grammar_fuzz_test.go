package leioci_test

import (
	"regexp"
	"testing"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// FuzzGrammar compares what reads a reference with the grammars as regular expressions. Those of a
// repository and a tag are the OCI distribution specification's, "Pulling manifests".
func FuzzGrammar(f *testing.F) {
	registryGrammar := regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*` +
		`|\[[a-fA-F0-9:]+(\.[0-9]+){0,3}\])(:[0-9]{1,5})?$`)
	repositoryGrammar := regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagGrammar := regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	schemeLike := regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*:)?/+`)
	long := make([]byte, 128)
	for i := range long {
		long[i] = 'a'
	}
	for _, s := range []string{
		"", "ghcr.io", "GHCR.io:443", "a-b.c--d:1", "-a", "a-", "a.-b", "a..b", ".a", "a.", "a:", "a:123456", "a:1:2", "a_b", ":1", "é.org",
		"[::1]", "[::1]:5000", "[::ffff:1.2.3.4]", "[::1.2.3.4.5]", "[::1.]", "[.1]", "[]", "[::1", "[::1]5000", "[::1]:", "[g::]", "]", "[::1]]",
		"org/lei-cache", "a/b/c", "a.b", "a_b", "a__b", "a___b", "a---b", "a-.b", "a._b", "_a", "a_", "a//b", "/a", "a/", "A/b", "a\n", "a b",
		"latest", "_x", ".x", "-x", "v1.2_3-4", "\x80", "a\x80", string(long), string(long) + "a",
		"oci://x", "https:/x", "x:y", "1a://", "a+b.c-d:///", ":/", "//", "a:b:/c", "a/:/b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := leioci.IsRegistry(s), registryGrammar.MatchString(s); got != want {
			t.Errorf("registry %q: %v, want %v", s, got, want)
		}
		if got, want := leioci.IsRepository(s), repositoryGrammar.MatchString(s); got != want {
			t.Errorf("repository %q: %v, want %v", s, got, want)
		}
		if got, want := registry.ValidTag(s), tagGrammar.MatchString(s); got != want {
			t.Errorf("tag %q: %v, want %v", s, got, want)
		}
		if got, want := leioci.SchemeLike(s), schemeLike.FindString(s); got != want {
			t.Errorf("scheme of %q: %q, want %q", s, got, want)
		}
	})
}
