package snapshot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// cp and rsync --inplace write into the file that a process has open.
func TestAnIndexThatIsOverwrittenWhileItIsOpenIsNotBelieved(t *testing.T) {
	dir := snapshotOf(t, []string{line("a"), line("b")}, 0)
	other := snapshotOf(t, []string{strings.Replace(line("a"), "low", "critical", 1), line("c")}, 0)
	index(t, dir)
	index(t, other)
	data, err := os.ReadFile(filepath.Join(other, snapshot.IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	s, compared := open(t, dir), open(t, dir)
	writeFile(t, filepath.Join(dir, snapshot.IndexFile), data)
	for change, err := range snapshot.Compare(t.Context(), open(t, other), compared, func(_, _ snapshot.Answer) bool { return true }) {
		if err == nil && (change.To.Known() || change.From == change.To) {
			t.Errorf("got %+v", change)
		}
	}
	for repo, want := range map[string]string{"a": "low", "b": "low", "c": ""} {
		if answer, err := s.Risk(t.Context(), repo); err != nil || answer.Risk != want {
			t.Errorf("%s: got %+v, %v", repo, answer, err)
		}
	}
}
