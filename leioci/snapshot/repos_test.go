package snapshot_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const times = `"date":"2026-02-08","created":"2026-02-08T00:00:00Z"`

// writeManifest makes a snapshot directory with this manifest.json.
func writeManifest(t *testing.T, manifest string) string {
	t.Helper()
	dir := write(t, nil, nil)
	writeFile(t, filepath.Join(dir, snapshot.ManifestFile), []byte(manifest))
	return dir
}

func TestReposAreThoseOfTheManifestInOrder(t *testing.T) {
	for list, want := range map[string][]string{
		`["b","a","b"]`:                {"b", "a", "b"},
		`[]`:                           nil,
		`null`:                         nil,
		`[null,"a\u00e9\ud83d\ude00"]`: {"", "aé😀"},
	} {
		s := open(t, writeManifest(t, `{"x":{"repos":["no"]},"repos":`+list+`,`+times+`}`))
		for range 2 {
			if got := reposOf(t, s); !slices.Equal(got, want) {
				t.Errorf("%s: got %q", list, got)
			}
		}
	}
	if got := reposOf(t, open(t, writeManifest(t, `{`+times+`}`))); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestALoopOverReposMayBeLeft(t *testing.T) {
	for repo, err := range open(t, sampleDir).Repos() {
		if err != nil || repo != "https://git.example.org/team-00/project-000" {
			t.Fatal(repo, err)
		}
		break
	}
}

func TestANameOverTheLimitEndsTheRepos(t *testing.T) {
	long := strings.Repeat("x", 1<<20+1)
	s := open(t, writeManifest(t, `{"repos":["a","`+long+`","b"],`+times+`}`))
	var repos []string
	var last error
	for repo, err := range s.Repos() {
		repos, last = append(repos, repo), err
	}
	if !slices.Equal(repos, []string{"a", ""}) || !errors.Is(last, snapshot.ErrTooLarge) || len(last.Error()) > 300 {
		t.Errorf("got %.20q, %v", repos, last)
	}
}

func TestReposOfAFileThatWasOverwrittenOrClosedAreAnError(t *testing.T) {
	dir := writeManifest(t, `{"repos":["a"],`+times+`}`)
	s, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, snapshot.ManifestFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	lastOf := func() (last error) {
		for _, err := range s.Repos() {
			last = err
		}
		return last
	}
	if err := lastOf(); !errors.Is(err, snapshot.ErrNotSnapshot) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := lastOf(); !errors.Is(err, os.ErrClosed) || errors.Is(err, snapshot.ErrNotSnapshot) {
		t.Errorf("got %v", err)
	}
}

// A manifest.json may list millions of repositories, or hold something else that is huge.
func TestReadingAManifestTakesBoundedMemory(t *testing.T) {
	const size, most = 8 << 20, 256 << 10
	for name, text := range map[string]struct{ first, unit, last string }{
		"many repositories":     {`{` + times + `,"repos":["a"`, `,"https://git.example.org/team/project"`, `]}`},
		"one repository":        {`{` + times + `,"repos":["`, `x`, `"]}`},
		"empty repositories":    {`{` + times + `,"repos":["a"`, `,""`, `]}`},
		"an unknown string":     {`{` + times + `,"x":"`, `\u00e9`, `"}`},
		"unknown objects":       {`{` + times + `,"x":[{}`, `,{"a":1}`, `]}`},
		"unknown members":       {`{` + times, `,"b":0`, `}`},
		"a long name":           {`{` + times + `,"`, `x`, `":0}`},
		"a long unknown number": {`{` + times + `,"x":1`, `0`, `}`},
		"white space":           {`{` + times, "\n", `}`},
	} {
		var err error
		got := allocated(func() {
			unit := strings.Repeat(text.unit, 1<<10)
			readers := []io.Reader{strings.NewReader(text.first)}
			for range size / len(unit) {
				readers = append(readers, strings.NewReader(unit))
			}
			_, err = snapshot.ReadMetadata(io.MultiReader(append(readers, strings.NewReader(text.last))...))
		})
		if got > most+128*size/uint64(len(text.unit)<<10) || err != nil { // the readers take some, too
			t.Errorf("%s: %d KiB were allocated, error %v", name, got>>10, err)
		}
	}
}

func TestOpenAndReposTakeBoundedMemory(t *testing.T) {
	dir := writeManifest(t, `{`+times+`,"repos":["a"`+strings.Repeat(`,"https://git.example.org/team/project"`, 800_000)+`]}`)
	n := 0
	var longest int
	got := allocated(func() {
		s := open(t, dir)
		for repo, err := range s.Repos() {
			if n++; err != nil {
				t.Fatal(err)
			}
			longest = max(longest, len(repo))
			if n == 1000 { // each name takes memory, once, of course
				break
			}
		}
	})
	if n != 1000 || longest != 36 || got > 512<<10 {
		t.Errorf("%d names, %d KiB were allocated", n, got>>10)
	}
}
