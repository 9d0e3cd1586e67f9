package errdef_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

func TestTheOptionsThatAnErrorNamesAreFoundWhereverTheyAre(t *testing.T) {
	plain := fmt.Errorf("use https, or %w", errdef.PlainHTTP)
	older := fmt.Errorf("%w: allow it with %w", errdef.ErrOlder, errdef.AllowOlder)
	for name, tc := range map[string]struct {
		err  error
		want []errdef.Option
	}{
		"no error":     {nil, nil},
		"none":         {errdef.ErrOlder, nil},
		"itself":       {errdef.PlainHTTP, []errdef.Option{errdef.PlainHTTP}},
		"in a text":    {plain, []errdef.Option{errdef.PlainHTTP}},
		"beside %w":    {older, []errdef.Option{errdef.AllowOlder}},
		"below a note": {errdef.WithNote(older, 1), []errdef.Option{errdef.AllowOlder}},
		"in several":   {errors.Join(plain, fmt.Errorf("again: %w", errors.Join(older, plain))), []errdef.Option{errdef.AllowOlder, errdef.PlainHTTP}},
	} {
		if got := errdef.Options(tc.err); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
	if !errors.Is(older, errdef.ErrOlder) || older.Error() != "older snapshot: allow it with AllowOlder" {
		t.Errorf("got %v", older)
	}
}
