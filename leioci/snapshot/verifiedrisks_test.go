package snapshot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

func TestVerifiedRisksAreThoseOfAVerifiedSnapshot(t *testing.T) {
	long := `{"data":{"repo":"long","risk":"` + strings.Repeat("x", 5000) + `"}}` + "\n"
	dir := snapshotOf(t, []string{line("a"), line("b"), line("a"), long}, 2)
	want := fmt.Sprintf("[{b 1 low} {a 2 low} {c 0 } {long 1 %s}]", strings.Repeat("x", 1024))
	for _, indexed := range []bool{false, true} {
		if indexed {
			index(t, dir)
		}
		s := open(t, dir)
		answers, err := s.VerifiedRisks(t.Context(), "b", "a", "c", "long")
		if err != nil || fmt.Sprint(answers) != want {
			t.Errorf("indexed %t: got %v, %v", indexed, answers, err)
		}
		if answers, err := s.VerifiedRisks(t.Context()); err != nil || len(answers) > 0 {
			t.Errorf("nothing: got %v, %v", answers, err)
		}
	}
}

func TestVerifiedRisksOfAWrongSnapshotAreNone(t *testing.T) {
	good := line("a") + line("b")
	for what, tc := range map[string]struct {
		content string
		change  func(manifest)
		kind    error
	}{
		"malformed": {good + "{\n", func(manifest) {}, snapshot.ErrMalformed},
		"count":     {good, func(m manifest) { m["entry_count"] = m["entry_count"].(int) + 1 }, snapshot.ErrMismatch},
		"raw size":  {good, func(m manifest) { m["raw_size"] = m["raw_size"].(int) + 1 }, snapshot.ErrMismatch},
		"too much":  {good, func(m manifest) { m["raw_size"] = m["raw_size"].(int) - 1 }, snapshot.ErrMismatch},
		"size":      {good, func(m manifest) { m["compressed_size"] = m["compressed_size"].(int) + 1 }, snapshot.ErrMismatch},
		"hash":      {good, func(m manifest) { m["content_hash"] = "0" }, snapshot.ErrMismatch},
	} {
		cache := compress(t, tc.content)
		m := describing(tc.content, cache)
		tc.change(m)
		answers, err := open(t, write(t, m, cache)).VerifiedRisks(t.Context(), "a")
		if answers != nil || !errors.Is(err, tc.kind) {
			t.Errorf("%s: got %v, %v", what, answers, err)
		}
	}
}
