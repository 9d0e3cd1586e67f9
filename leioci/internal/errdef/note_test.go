package errdef_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

type colour string

type weight int

func TestANoteIsFoundWhereverItIsInAnErrorsTree(t *testing.T) {
	red := errdef.WithNote(fs.ErrNotExist, colour("red"))
	other := errors.New("other")
	for name, tc := range map[string]struct {
		err  error
		want colour
	}{
		"itself":                 {red, "red"},
		"wrapped":                {fmt.Errorf("outside: %w", red), "red"},
		"joined, first":          {errors.Join(red, other), "red"},
		"joined, last":           {errors.Join(other, red), "red"},
		"joined and wrapped":     {fmt.Errorf("outside: %w", errors.Join(other, fmt.Errorf("inside: %w", red))), "red"},
		"two %w":                 {fmt.Errorf("%w: %w", other, red), "red"},
		"under a note of a kind": {errdef.WithNote(red, weight(1)), "red"},
		"under another of it":    {errdef.WithNote(red, colour("blue")), "blue"},
		"joined with another":    {errors.Join(red, errdef.WithNote(other, colour("blue"))), "red"},
		"nowhere":                {errors.Join(other, fs.ErrNotExist), ""},
		"a note of another kind": {errdef.WithNote(other, weight(1)), ""},
		"no error":               {nil, ""},
	} {
		if got, ok := errdef.NoteOf[colour](tc.err); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}

func TestANotedErrorIsTheErrorForEverybodyElse(t *testing.T) {
	err := errdef.WithNote(fmt.Errorf("open it: %w", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist}), weight(1))
	if err.Error() != "open it: open p: file does not exist" {
		t.Errorf("the text is %q", err)
	}
	var path *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) {
		t.Error("the cause is lost")
	}
}
