package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// many returns reports of a few KB, so many that they are read ahead, in small members.
func many(t testing.TB) (content string, cache []byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	lines := randomLines(random, 12_000)
	for part := range slices.Chunk(lines, 50) {
		all := strings.Join(part, "")
		content += all
		cache = append(cache, compress(t, all)...)
	}
	return content, cache
}

func TestWhatIsReadAheadIsWhatIsThere(t *testing.T) {
	content, cache := many(t)
	s := open(t, write(t, describing(content, cache), cache))
	for range 2 {
		var got strings.Builder
		for report, err := range s.Reports(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got.Write(report.Raw)
			got.WriteByte('\n')
		}
		if got.String() != content {
			t.Fatal("other content")
		}
		if err := s.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALoopThatReadsAheadMayBeLeftAnywhere(t *testing.T) {
	content, cache := many(t)
	s := open(t, write(t, describing(content, cache), cache))
	for _, last := range []int64{1, 2, 100, 500, 1500} {
		for report, err := range s.Reports(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if report.Line == last {
				break
			}
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	cause := errors.New("the caller's own")
	var last error
	for report, err := range s.Reports(ctx) {
		if last = err; report.Line == 1000 {
			cancel(cause)
		}
	}
	wantLineError(t, last, 1001, cause)
	if err := s.Verify(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrongIsFoundWhereItIsThoughItIsReadAhead(t *testing.T) {
	content, cache := many(t)
	count := int64(strings.Count(content, "\n"))
	for name, test := range map[string]struct {
		cache []byte
		kind  error
	}{
		"truncated":      {cache[:len(cache)-1], snapshot.ErrCorrupt},
		"trailing":       {append(bytes.Clone(cache), 0), snapshot.ErrCorrupt},
		"damaged":        {flip(cache, -8), snapshot.ErrCorrupt},
		"a line more":    {append(bytes.Clone(cache), compress(t, line("z"))...), snapshot.ErrMismatch},
		"too long":       {append(bytes.Clone(cache), compress(t, strings.Repeat(" ", snapshot.MaxLineBytes+1))...), snapshot.ErrTooLarge},
		"its last half":  {cache[len(cache)/2:], snapshot.ErrCorrupt},
		"a line missing": {append(bytes.Clone(cache), compress(t, "x")...), snapshot.ErrMismatch},
	} {
		m := describing(content, cache)
		if name == "too long" {
			m["raw_size"] = len(content) + snapshot.MaxLineBytes + 1
		}
		s := open(t, write(t, m, test.cache))
		n, errs := int64(0), 0
		for _, err := range s.Reports(t.Context()) {
			if err == nil {
				n++
				continue
			}
			errs++
			wantLineError(t, err, n+1, test.kind)
		}
		if errs != 1 || n > count {
			t.Errorf("%s: %d reports, %d errors", name, n, errs)
		}
		if err := s.Verify(t.Context()); !errors.Is(err, test.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
