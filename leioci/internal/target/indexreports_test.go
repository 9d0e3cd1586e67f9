package target_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/internal/target"
)

// There are more reports than any index of so small a file has room for.
func TestASnapshotThatCannotBeIndexedIsTakenAllTheSame(t *testing.T) {
	p := publish(t, monday, slices.Repeat([]string{"{}"}, 430_000)...)
	dir := filepath.Join(t.TempDir(), "lei")
	log, logged := logtest.NewNullLogger()
	policy := target.Policy{VerifyReports: true, IndexReports: true}
	memory := &target.Memory{}
	for _, again := range []bool{false, true} {
		res, err := p.install(t, target.Open(dir, policy, memory, 2, log))
		must(t, err)
		if res.UpToDate != again {
			t.Errorf("got %+v", res)
		}
		assertHolds(t, dir, p)
		warned := slices.ContainsFunc(logged.AllEntries(), func(e *logrus.Entry) bool { return strings.Contains(e.Message, "has no index") })
		if warned == again { // it is tried and said once
			t.Errorf("again %v, warned %v", again, warned)
		}
		logged.Reset()
	}
}
