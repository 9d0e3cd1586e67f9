package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// libraryWords are names that only those know who use the library.
var libraryWords = regexp.MustCompile(`\b(With[A-Z]\w+|Allow[A-Z]\w+|Package[A-Z]\w+|Push[A-Z]\w+|VerifyReports|ParseRe\w+|NoOverwrite|TLS\.\w+|DefaultKeychain)`)

// TestEveryOptionThatTheLibraryNamesHasAFlag reads the options from the source of their package.
func TestEveryOptionThatTheLibraryNamesHasAFlag(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../internal/errdef/option.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		value, ok := node.(*ast.ValueSpec)
		if !ok || len(value.Values) == 0 {
			return true
		}
		option, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		n++
		advised := fmt.Errorf("it failed (%w)", fmt.Errorf("allow it with %w", errdef.Option(option)))
		if text := describeError(errors.Join(advised)); strings.Contains(text, option) || strings.Contains(text, "with )") {
			t.Errorf("%s: %q", option, text)
		}
		return false
	})
	if n == 0 {
		t.Error("no option was found")
	}
}

// TestAMessageIsShortAndInTheWordsOfTheCommand meets what users meet. Hosts are as long as ghcr.io and a
// port.
func TestAMessageIsShortAndInTheWordsOfTheCommand(t *testing.T) {
	dir := absolute(t)
	newer := leiocitest.WriteSnapshot(t, time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC), reportA)
	future := leiocitest.WriteSnapshot(t, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC), reportA)
	const ref, most = "REF", 260 // with "leioci: " and the end of the line
	for _, tc := range []struct {
		path  string
		fault leiocitest.Fault
		args  []string
	}{
		{"/manifests/", leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), []string{"pull", ref}},
		{"/manifests/", leiocitest.Status(http.StatusForbidden, "DENIED"), []string{"pull", ref}},
		{"/manifests/", leiocitest.Status(http.StatusNotFound, "MANIFEST_UNKNOWN"), []string{"pull", ref}},
		{"/blobs/", leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"), []string{"pull", ref}},
		{"/manifests/", leiocitest.Status(http.StatusTooManyRequests, "TOOMANYREQUESTS"), []string{"pull", ref}},
		{"/manifests/", leiocitest.Status(http.StatusServiceUnavailable, ""), []string{"pull", ref}},
		{"/manifests/", leiocitest.Status(http.StatusProxyAuthRequired, ""), []string{"pull", ref}},
		{"/manifests/", leiocitest.Cut(), []string{"pull", ref}},
		{"/manifests/", leiocitest.Hang(nil), []string{"pull", ref, "--stall-timeout", "50ms"}},
		{"/manifests/", leiocitest.Endless(), []string{"pull", ref}},
		{"/blobs/", leiocitest.Stall(10), []string{"pull", ref, "--stall-timeout", "50ms"}},
		{"/blobs/", leiocitest.Redirect(http.StatusTemporaryRedirect, "http://10.0.0.1/x"), []string{"pull", ref}},
		{"/manifests/", leiocitest.Status(http.StatusForbidden, "DENIED"), []string{"push", newer, ref}},
		{"/manifests/", leiocitest.Status(http.StatusServiceUnavailable, ""), []string{"push", newer, ref}},
		{"", nil, []string{"pull", ref, "--max-age", "2d"}},
		{"", nil, []string{"pull", ref, "-o", newer}},
		{"", nil, []string{"pull", ref, "--https-only"}},
		{"", nil, []string{"push", future, ref}},
		{"", nil, []string{"export", "--input", filepath.Join(dir, "cache.jsonl.gz"), "--date", "2999-01-01"}},
		{"", nil, []string{"pull", ref, "-o", "."}},
		{"", nil, []string{"pull", ref, "-o", "/"}},
		{"", nil, []string{"pull", "localhost:1/org/lei-cache"}},
		{"", nil, []string{"pull", "ghcr.io/Org/lei-cache"}},
		{"", nil, []string{"pull", "user:password@ghcr.io/org/lei-cache"}},
	} {
		reg := leiocitest.NewRegistry(t)
		if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, reg.Host()+"/org/lei-cache"); status != 0 {
			t.Fatal(stderr)
		}
		if tc.fault != nil {
			reg.On("", tc.path, leiocitest.Always, tc.fault)
		}
		line := []string{}
		for _, arg := range tc.args {
			line = append(line, strings.Replace(arg, ref, reg.Host()+"/org/lei-cache", 1))
		}
		if tc.args[0] != "export" {
			line = append(line, "--attempts", "1")
		}
		status, _, stderr := leiociIn(t, t.TempDir(), "", line...)
		if status == 0 || len(stderr) > most {
			t.Errorf("%q, %s: %d, %d bytes: %s", tc.args, tc.path, status, len(stderr), stderr)
		}
		if word := libraryWords.FindString(stderr); word != "" {
			t.Errorf("%q, %s: it says %s: %s", tc.args, tc.path, word, stderr)
		}
	}
}

func TestAWarningIsInTheWordsOfTheCommand(t *testing.T) {
	reg, mirror, dir := leiocitest.NewRegistry(t), leiocitest.NewRegistry(t), absolute(t)
	ref := reg.Host() + "/org/lei-cache"
	if status, _, stderr := leiociIn(t, t.TempDir(), "", "push", dir, ref, mirror.Host()+"/m/lei"); status != 0 {
		t.Fatal(stderr)
	}
	mirror.On("", "/v2/", leiocitest.Always, leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"))
	for _, verbose := range []string{"-v=false", "-v"} {
		status, _, stderr := leiociIn(t, t.TempDir(), "", "pull", ref, "--mirror", mirror.Host()+"/m/lei", verbose)
		if status != 0 || !strings.Contains(stderr, "see leioci auth explain") || libraryWords.MatchString(stderr) {
			t.Errorf("%s: %d, %s", verbose, status, stderr)
		}
	}
}

func TestAMessageLosesWhatItSaysTwice(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	long := strings.Repeat("word ", 50)
	const about = "pull ghcr.io/org/lei:latest: "
	for message, want := range map[string]string{
		about + "GET https://ghcr.io/v2/org/lei/manifests/latest: DENIED: no (a) (b)":                                                                         about + "DENIED: no (a; b)",
		about + "GET https://other.io/v2/org/lei/manifests/latest: DENIED: no":                                                                                about + "GET https://other.io/v2/org/lei/manifests/latest: DENIED: no",
		about + "GET https://ghcr.io/v2/org/lei-other/manifests/latest: DENIED: no":                                                                           about + "GET https://ghcr.io/v2/org/lei-other/manifests/latest: DENIED: no",
		about + `Get "https://ghcr.io/v2/org/lei/manifests/latest": EOF`:                                                                                      about + "EOF",
		about + `Get "https://ghcr.io/v2/org/lei/blobs/x": EOF; Get "http://ghcr.io/v2/org/lei/blobs/x": EOF`:                                                 about + "EOF",
		about + `Get "https://ghcr.io/v2/org/lei/blobs/x": a; Get "http://ghcr.io/v2/org/lei/blobs/x": b (c)`:                                                 about + "over https: a; over http: b (c)",
		about + `Get "https://ghcr.io/v2/org/lei/blobs/x": http: server gave HTTP response to HTTPS client; Get "http://ghcr.io/v2/org/lei/blobs/x": EOF (c)`: about + "EOF (c)",
		about + "want " + digest:        about + "want " + digest,
		about + long + "want " + digest: about + long + "want sha256:0123456789ab...",
		about + long + `Get "http://10.1.2.3:9000/x/y?...": refusing to go to 10.1.2.3`:                                                                  about + long + "refusing to go to 10.1.2.3",
		about + long + `GET https://a.io/x?... unexpected status code 403 Forbidden`:                                                                     about + long + "GET https://a.io/x?... 403 Forbidden",
		about + long + "failed: 2026-02-08: put manifest ghcr.io/org/lei:2026-02-08: denied: DENIED: no; weekly: put manifest ghcr.io/org/lei:weekly: a": about + long + "failed: 2026-02-08: denied: no; weekly: a",
		"copy blob oci-archive:a.tar@" + digest + ": denied: oci-archive:a.tar: write " + digest + ": " + long:                                           "copy blob oci-archive:a.tar@sha256:0123456789ab...: denied: " + long,
	} {
		if got := shorter(message); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", message, got, want)
		}
	}
}

func TestAMessageDoesNotChangeWhatATerminalShows(t *testing.T) {
	for _, bad := range []string{"\u202e", "\u2066", "\x1b[2J", "\u0085", "\u2028", "\r", "\ufeff", "\u200b"} {
		if got := describeError(errors.New("no tag a" + bad + "b")); got != "no tag a b" && got != "no tag a [2Jb" && got != "no tag a; b" {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestAResultThatCannotBePrintedIsAFailure(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"version"}, {"pull", "--help"}, {"auth", "explain", "ghcr.io/a/b"}, {"completion", "bash"}} {
		var stderr strings.Builder
		env := environment{stdout: full{}, stderr: &stderr, getenv: os.Getenv}
		if status := run(t.Context(), args, env); status != 1 || !strings.Contains(stderr.String(), "cannot print the result: no space left") {
			t.Errorf("%q: %d, %q", args, status, stderr.String())
		}
	}
}
