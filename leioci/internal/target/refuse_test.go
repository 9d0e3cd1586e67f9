package target_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/lowendinsight/lei-go/leioci/internal/artifact"
	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/target"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// today is the date of a snapshot that was made today.
func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

func TestASnapshotThatIsOlderThanTheOneInPlaceOrTooOldIsRefused(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		policy target.Policy
		days   int // of the date, from today; the old snapshot is of 10 days ago
		want   error
	}{
		"newer":                   {target.Policy{}, -9, nil},
		"of the same day":         {target.Policy{}, -10, nil},
		"older":                   {target.Policy{}, -11, errdef.ErrOlder},
		"older, and allowed":      {target.Policy{AllowOlder: true}, -11, nil},
		"young enough":            {target.Policy{MaxAge: 5 * day}, -3, nil},
		"too old":                 {target.Policy{MaxAge: 5 * day}, -7, errdef.ErrStale},
		"too old, older allowed":  {target.Policy{MaxAge: 5 * day, AllowOlder: true}, -11, errdef.ErrStale},
		"old, but allowed in age": {target.Policy{MaxAge: 20 * day}, -11, errdef.ErrOlder},
		"of tomorrow":             {target.Policy{MaxAge: day}, 1, nil},
	} {
		for kind, publish := range map[string]func(*testing.T, time.Time, ...string) *published{"annotated": annotated, "not annotated": publish} {
			t.Run(name+", "+kind, func(t *testing.T) {
				today := today() // the same for both
				old := publish(t, today.AddDate(0, 0, -10), reportA)
				dir := installed(t, old)
				p := publish(t, today.AddDate(0, 0, tc.days), reportB)
				res, err := p.install(t, open(dir, tc.policy))
				if !errors.Is(err, tc.want) || (res == nil) != (tc.want != nil) {
					t.Errorf("got %+v, %v", res, err)
				}
				if tc.want != nil && kind == "annotated" && len(p.fetched) != 0 {
					t.Errorf("%q was fetched to no purpose", p.fetched)
				}
				if tc.want == nil {
					old = p
				}
				for name, content := range old.files {
					if read(t, dir, name) != content {
						t.Errorf("%s is the wrong one", name)
					}
				}
			})
		}
	}
}

func TestAnAnnotationRefusesOnlyByADate(t *testing.T) {
	dir := installed(t, publish(t, monday, reportA))
	for version, want := range map[string]error{
		"2026-02-08": errdef.ErrOlder,
		"2026-02-09": nil,
		"2026-02-10": nil,
		"1.0":        nil,
		"":           nil,
	} {
		m := &v1.Manifest{Annotations: map[string]string{artifact.AnnotationVersion: version}}
		if err := open(dir, target.Policy{}).RefuseAnnotated(m); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", version, err, want)
		}
	}
}

func TestAnAnnotationThatLiesIsFoundOut(t *testing.T) {
	dir := installed(t, publish(t, monday, reportA))
	p := publish(t, monday.AddDate(0, 0, -1), reportB)
	p.manifest.Annotations = map[string]string{artifact.AnnotationVersion: "2026-02-10"}
	if _, err := p.install(t, open(dir, target.Policy{})); !errors.Is(err, errdef.ErrOlder) {
		t.Errorf("got %v", err)
	}
}

func TestASnapshotWithoutADateIsNone(t *testing.T) {
	dir := leiocitest.WriteSnapshot(t, monday, reportA)
	write(t, dir, "manifest.json", "{}")
	_, err := publishAs(t, dir, nil).install(t, open(filepath.Join(t.TempDir(), "lei"), target.Policy{}))
	if !errors.Is(err, errdef.ErrNotSnapshot) {
		t.Errorf("got %v", err)
	}
}

func TestReportsThatAreMalformedAreRefusedAndNotFetchedAgain(t *testing.T) {
	verify := target.Policy{VerifyReports: true}
	old := publish(t, monday, reportA)
	dir := installed(t, old)
	memory := &target.Memory{}
	bad := publish(t, monday.AddDate(0, 0, 1), reportB, "no report")
	worse := publish(t, monday.AddDate(0, 0, 1), "no report")
	good := publish(t, monday.AddDate(0, 0, 2), reportB)
	for _, step := range []struct {
		name    string
		p       *published
		policy  target.Policy
		memory  *target.Memory
		fetched bool
		want    error
	}{
		{"the first time", bad, verify, memory, true, snapshot.ErrMalformed},
		{"again", bad, verify, memory, false, snapshot.ErrMalformed},
		{"another, in turns", worse, verify, memory, true, snapshot.ErrMalformed},
		{"the first, in turns", bad, verify, memory, false, snapshot.ErrMalformed},
		{"the other, in turns", worse, verify, memory, false, snapshot.ErrMalformed},
		{"with another memory", bad, verify, &target.Memory{}, true, snapshot.ErrMalformed},
		{"another snapshot", good, verify, memory, true, nil},
		{"if nobody asks", bad, target.Policy{AllowOlder: true}, memory, true, nil},
	} {
		step.p.fetched = nil
		_, err := step.p.install(t, openWith(dir, step.policy, step.memory))
		if !errors.Is(err, step.want) || (len(step.p.fetched) > 0) != step.fetched {
			t.Errorf("%s: got %v, fetched %q", step.name, err, step.p.fetched)
		}
		if step.want != nil {
			for name, content := range old.files {
				if read(t, dir, name) != content {
					t.Errorf("%s: the old %s is gone", step.name, name)
				}
			}
		}
	}
	assertHolds(t, dir, bad)
}
