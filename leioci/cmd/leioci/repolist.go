package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const (
	// maxSubjects is how many repositories are checked at once.
	maxSubjects = 50_000
	// maxSubjectBytes is the length of the longest name.
	maxSubjectBytes = 2 << 10
	// maxListLineBytes is that of a line in a list, which may be a comment.
	maxListLineBytes = 64 << 10
)

var errLongName = fmt.Errorf("a name of more than %d bytes", maxSubjectBytes)

// A subject is what is to be checked.
type subject struct {
	name      string // as it was written, but for credentials
	canonical string // the repository, or "" for a component of an SBOM that has none
	file      string // where it was written, "-" for standard input, or "" for the command line
	line      int    // in the file
}

// subjects are what is to be checked, each once.
type subjects struct {
	list []subject
	seen map[string]bool
}

// add takes a repository, however its name is written.
func (s *subjects) add(name, file string, line int) error {
	if len(name) > maxSubjectBytes {
		return errLongName
	}
	canonical := snapshot.CanonicalRepo(name)
	return s.append(canonical, subject{withoutCredentials(name), canonical, file, line})
}

// addComponent takes a component of which nobody says where its repository is.
func (s *subjects) addComponent(name, file string, line int) error {
	return s.append("component "+name, subject{name: name, file: file, line: line})
}

func (s *subjects) append(key string, one subject) error {
	switch {
	case s.seen[key]:
		return nil
	case len(one.name) > maxSubjectBytes:
		return errLongName
	case len(s.list) == maxSubjects:
		return fmt.Errorf("more than %d repositories", maxSubjects)
	case s.seen == nil:
		s.seen = map[string]bool{}
	}
	s.seen[key] = true
	s.list = append(s.list, one)
	return nil
}

// withoutCredentials returns a name that may be shown. Package managers write tokens into URLs,
// with a password or in place of a user.
func withoutCredentials(name string) string {
	scheme, rest, ok := strings.Cut(name, "://")
	if !ok {
		return name
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 || strings.HasSuffix(strings.ToLower(scheme), "ssh") && !strings.Contains(authority[:at], ":") {
		return name
	}
	return scheme + "://" + rest[at+1:]
}

// readList adds the repositories in a list: one on each line, with blank lines and comments, which
// begin with "#" at the beginning of a line or after white space.
func (s *subjects) readList(r io.Reader, file string) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxListLineBytes)
	n := 0
	for lines.Scan() {
		n++
		text := lines.Text()
		if n == 1 {
			text = strings.TrimPrefix(text, "\ufeff") // which editors on Windows write
		}
		if !utf8.ValidString(text) {
			return fmt.Errorf("line %d: not UTF-8", n)
		}
		text = withoutComment(text)
		if strings.ContainsFunc(text, unicode.IsSpace) {
			return fmt.Errorf("line %d: want one repository on each line", n)
		}
		if text == "" {
			continue
		}
		if err := s.add(text, file, n); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("longer than %d bytes", maxListLineBytes)
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

// withoutComment returns what a line of a list says. A "#" within a URL begins its fragment.
func withoutComment(line string) string {
	for i, r := range line {
		if r == '#' && strings.TrimRightFunc(line[:i], unicode.IsSpace) != line[:i] || r == '#' && i == 0 {
			line = line[:i]
			break
		}
	}
	return strings.TrimSpace(line)
}

// readFrom reads a file, or standard input, that a flag names. Unlike other files, it may be a pipe:
// "<(command)" in a shell. So it is read while an interrupt still ends the process.
func readFrom(env environment, flag, file string, read func(io.Reader, string) error) (err error) {
	r := env.stdin
	if file != "-" {
		if file == "" {
			return usageError{fmt.Errorf("--%s is empty", flag)}
		}
		f, err := os.Open(file) //nolint:gosec // the user names it
		if err != nil {
			return usageError{fmt.Errorf("--%s: %w", flag, err)}
		}
		defer f.Close()
		r = f
	}
	if r == nil {
		return usageError{fmt.Errorf("--%s -: there is no standard input", flag)}
	}
	if err := read(r, file); err != nil {
		return usageError{fmt.Errorf("--%s %s: %w", flag, file, err)}
	}
	return nil
}

// gather reads everything that is to be checked.
func gather(env environment, repos, lists, sboms []string) ([]subject, error) {
	var all subjects
	for _, repo := range repos {
		if strings.TrimSpace(repo) == "" { // --repo "$REPO", where REPO is not set
			return nil, usageError{errors.New("--repo is empty")}
		}
		if err := all.add(repo, "", 0); err != nil {
			return nil, usageError{fmt.Errorf("--repo: %w", err)}
		}
	}
	stdin := 0
	for _, file := range append(append([]string(nil), lists...), sboms...) {
		if file == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return nil, usageError{errors.New("standard input can be read only once")}
	}
	for _, file := range lists {
		if err := readFrom(env, "repos", file, all.readList); err != nil {
			return nil, err
		}
	}
	for _, file := range sboms {
		if err := readFrom(env, "sbom", file, all.readSBOM); err != nil {
			return nil, err
		}
	}
	return all.list, nil
}
