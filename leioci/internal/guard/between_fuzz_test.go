package guard_test

import (
	"regexp"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/guard"
)

// FuzzReplace compares what finds URLs and disguises with regular expressions.
func FuzzReplace(f *testing.F) {
	realm := regexp.MustCompile(`(?i)(realm=")([^"]*)(")`)
	target := regexp.MustCompile(`(<)([^>]*)(>)`)
	disguised := regexp.MustCompile(`[0-9a-fx-]+\.private\.example`)
	for _, text := range []string{
		"", `Bearer realm="https://a/",service="b"`, `Realm="a",REALM="b" realm="`, `realm=""`, `realm="realm="a"b"`, `realm=a`, `rea` + "\u2113" + `m="a"`,
		`xrealm="` + "\xff\n" + `"`, "<a>; rel=next, <b>", "<<a>>", "><", "<a", "<>",
		"10-0-0-1.private.example:1 x.private.example", ".private.example", "g.private.example", "a.private.example.private.example",
		".private.example.private.example", "xx1.private.examplea.private.example", "\xff1.private.example", "A.private.example",
	} {
		f.Add(text)
	}
	bracket := func(text string) string { return "[" + text + "]" }
	f.Fuzz(func(t *testing.T, text string) {
		got, want := guard.ReplaceBetween(text, `realm="`, `"`, bracket), realm.ReplaceAllString(text, "$1[$2]$3")
		if got != want {
			t.Errorf("realms of %q: %q, want %q", text, got, want)
		}
		if got, want := guard.ReplaceBetween(text, "<", ">", bracket), target.ReplaceAllString(text, "$1[$2]$3"); got != want {
			t.Errorf("links of %q: %q, want %q", text, got, want)
		}
		got, want = guard.ReplaceBefore(text, "0123456789abcdefx-", ".private.example", bracket), disguised.ReplaceAllString(text, "[$0]")
		if got != want {
			t.Errorf("disguises in %q: %q, want %q", text, got, want)
		}
	})
}
