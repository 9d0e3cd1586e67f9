package staging

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

func TestASweepRemovesOnlyTheLeftoversOfItsTarget(t *testing.T) {
	n, other := namesOf("/parent/target"), namesOf("/parent/other")
	for name, tc := range map[string]struct {
		made  string // a directory that holds a, or a partial file
		also  content
		stays bool
	}{
		"a new directory":                    {made: n.staging + "1-X"},
		"one with a private file":            {made: n.staging + "1-X", also: content{privatePrefix + "X": ""}},
		"a former target":                    {made: n.staging + "1-X", also: oldContent},
		"one that was set aside":             {made: n.staging + "1-X" + asideSuffix, also: oldContent},
		"one with a foreign file":            {made: n.staging + "1-X", also: content{"notes": "mine"}, stays: true},
		"another target's":                   {made: other.staging + "1-X", stays: true},
		"one of no target":                   {made: ".leioci-staging-X", stays: true},
		"one that was kept":                  {made: "target.kept-X", stays: true},
		"another target's partial file":      {made: other.partial + "sha256-00", stays: true},
		"a partial file":                     {made: n.partial + "sha256-00"},
		"a partial file dated in the future": {made: n.partial + "sha256-11"},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			path := filepath.Join(filepath.Dir(target), tc.made)
			isPartial := tc.made == n.partial+"sha256-00" || tc.made == n.partial+"sha256-11" || tc.made == other.partial+"sha256-00"
			if isPartial {
				content{tc.made: "half"}.write(t, filepath.Dir(target))
			} else {
				content{"a": "half"}.write(t, path)
				tc.also.write(t, path)
			}
			date := time.Now().Add(-stageAge - time.Hour)
			if tc.made == n.partial+"sha256-11" {
				date = time.Now().Add(time.Hour)
			}
			age(t, path, date)
			d := newDir(t, target)
			// New leaves partial files for whoever continues them.
			if _, err := os.Stat(path); (err == nil) != (tc.stays || isPartial) {
				t.Errorf("after New: %v", err)
			}
			commit(t, d, "a", "b")
			if _, err := os.Stat(path); (err == nil) != tc.stays {
				t.Errorf("after Commit: %v", err)
			}
		})
	}
}

// age sets the date of a file, or of a directory and its files.
func age(t *testing.T, path string, date time.Time) {
	t.Helper()
	entries, _ := os.ReadDir(path) // a file has none
	for _, e := range entries {
		age(t, filepath.Join(path, e.Name()), date)
	}
	if err := os.Chtimes(path, date, date); err != nil {
		t.Fatal(err)
	}
}

func TestNewRemovesAnAbandonedPartialFile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	n := namesOf(target)
	fresh, stale := n.partial+"sha256-00", n.partial+"sha256-11"
	content{fresh: "half", stale: "half"}.write(t, n.parent)
	age(t, filepath.Join(n.parent, stale), time.Now().Add(-partialAge-time.Hour))
	age(t, filepath.Join(n.parent, fresh), time.Now().Add(-partialAge+time.Hour))
	discard(t, newDir(t, target))
	if got := beside(t, target); !slices.Equal(got, []string{fresh}) {
		t.Errorf("beside the target are %q", got)
	}
}

func TestASymbolicLinkWithOurNameIsNotFollowed(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	n := namesOf(target)
	mine := t.TempDir()
	content{"a": "mine"}.write(t, mine)
	content{}.write(t, n.parent)
	links := []string{n.partial + "sha256-00", n.staging + "1-X", n.staging + "1-X" + asideSuffix}
	for _, link := range links {
		if err := os.Symlink(mine, filepath.Join(n.parent, link)); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, newDir(t, target), "a", "b")
	if got := read(t, mine); !maps.Equal(got, content{"a": "mine"}) {
		t.Errorf("the directory holds %q", got)
	}
}

// An exchange in steps that was interrupted after its first step leaves the only copy of the old
// directory under another name.
func TestTheOnlyCopyIsPutBack(t *testing.T) {
	foreign := maps.Clone(oldContent)
	foreign["notes"] = "mine"
	for name, tc := range map[string]struct {
		aside content
		err   error
	}{
		"an old directory":           {aside: oldContent},
		"one that somebody wrote to": {aside: foreign, err: errdef.ErrTargetNotEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			n := namesOf(target)
			stage := filepath.Join(n.parent, n.staging+"1-X")
			newContent.write(t, stage)
			tc.aside.write(t, stage+asideSuffix)
			age(t, stage+asideSuffix, time.Now().Add(-stageAge-time.Hour))
			age(t, stage, time.Now().Add(-stageAge-time.Hour))
			d, err := New(t.Context(), target, threeFiles, silent())
			if !errors.Is(err, tc.err) {
				t.Errorf("got %v", err)
			}
			if err == nil {
				discard(t, d)
			}
			if got, left := read(t, target), beside(t, target); !maps.Equal(got, tc.aside) || left != nil {
				t.Errorf("the target holds %q, and beside it are %q", got, left)
			}
		})
	}
}

func TestADirectoryThatCannotBeLockedCountsAsInUseForADay(t *testing.T) {
	yesterday, now := time.Now().Add(-stageAge-time.Minute), time.Now()
	for name, tc := range map[string]struct {
		begun, dir, file time.Time
		want             bool
	}{
		"all is old":              {yesterday, yesterday, yesterday, true},
		"it was begun now":        {now, yesterday, yesterday, false},
		"a name is new":           {yesterday, now, yesterday, false},
		"a file is being written": {yesterday, yesterday, now, false},
		"a file is from tomorrow": {yesterday, yesterday, now.Add(stageAge), false},
	} {
		dir := t.TempDir()
		content{"a": ""}.write(t, dir)
		age(t, dir, tc.file)
		if err := os.Chtimes(dir, tc.dir, tc.dir); err != nil {
			t.Fatal(err)
		}
		if got := olderDir(dir, tc.begun, stageAge); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	n := namesOf("/parent/target")
	if got := n.created(n.newStage(now) + asideSuffix); got.Unix() != now.Unix() {
		t.Errorf("created at %v according to its name, want %v", got, now)
	}
}

func TestWantRemovesUnwantedPartialFiles(t *testing.T) {
	target := filepath.Join(t.TempDir(), "lei")
	d, err := New(t.Context(), target, threeFiles, silent())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"sha256-wanted", "sha256-old"} {
		p, err := d.Partial(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte("some")); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	used, err := d.Partial("sha256-used")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.KeepPartials("sha256-wanted"); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, id, ok := strings.Cut(e.Name(), "-sha256-"); ok {
			left = append(left, id)
		}
	}
	if strings.Join(left, " ") != "used wanted" {
		t.Errorf("what is left is %q", left)
	}
	if err := errors.Join(used.Close(), d.Discard()); err != nil {
		t.Error(err)
	}
}
