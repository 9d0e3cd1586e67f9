package staging

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// looseDisk flushes nothing, for tests that do not simulate a loss of power.
type looseDisk struct{ osDisk }

func (looseDisk) syncFile(string) error { return nil }
func (looseDisk) syncDir(string) error  { return nil }

func (d looseDisk) create(path string) (file, error)      { return loose(d.osDisk.create(path)) }
func (d looseDisk) openPartial(path string) (file, error) { return loose(d.osDisk.openPartial(path)) }

type looseFile struct{ file }

func (looseFile) Sync() error { return nil }

func loose(f file, err error) (file, error) { return looseFile{f}, err }

// A powerCut simulates a loss of power after any operation of a modelDisk, and checks what must be
// true afterwards.
type powerCut struct {
	m       *modelDisk
	target  string    // relative to the disk
	allowed []content // what the target may hold; nil for absent
	broken  bool      // whoever made the old directory did not flush it, so it may hold anything
	tested  map[string]bool
}

// try tests every state that the disk may be in now and that was not tested before.
func (c *powerCut) try() {
	c.m.crashes(func(names func(*node) map[string]*node, data func(*node) string) {
		state := describe(c.m.top, names, data)
		if c.tested[state] {
			return
		}
		c.tested[state] = true
		root := c.m.t.TempDir()
		build(c.m.t, root, c.m.top, names, data, map[*node]string{})
		c.check(state, filepath.Join(root, filepath.FromSlash(c.target)))
	})
}

func (c *powerCut) check(state, target string) {
	t := c.m.t
	t.Helper()
	if c.m.inSteps && read(t, target) == nil {
		d, err := newOn(t.Context(), looseDisk{}, target, threeFiles, silent())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Discard(); err != nil {
			t.Fatal(err)
		}
	}
	got := read(t, target)
	same := func(want content) bool { return maps.Equal(want, got) && (want == nil) == (got == nil) }
	if !c.broken && !slices.ContainsFunc(c.allowed, same) {
		t.Errorf("after operation %d the target may hold %q; the disk: %s", c.m.ops, got, state)
	}
	last := content{"a": "the last a", "b": "the last b", "c": "the last c"}
	if err := replace(t.Context(), looseDisk{}, target, last); err != nil {
		t.Fatalf("after operation %d a replacement fails: %v; the disk: %s", c.m.ops, err, state)
	}
	if got, left := read(t, target), beside(t, target); !maps.Equal(got, last) || left != nil {
		t.Errorf("after operation %d a replacement leaves %q, and beside it %q; the disk: %s", c.m.ops, got, left, state)
	}
}

// A situation is what a replacement finds.
type situation struct {
	name            string
	target          string
	files           map[string]string
	old             content
	unflushed       []string
	inSteps, copies bool
	parents         int // how many operations it takes to create the target's parents
}

func situations() []situation {
	const target = "parent/target"
	old := oldContent.below(target)
	begun := maps.Clone(old)
	begun["parent/"+namesOf(target).partial+"sha256-the-new-c"] = newContent["c"][:3]
	return []situation{
		{name: "an old directory", target: target, files: old, old: oldContent},
		{name: "an exchange in steps", target: target, files: old, old: oldContent, inSteps: true},
		{name: "no links", target: target, files: old, old: oldContent, copies: true},
		{name: "a partial file", target: target, files: begun, old: oldContent},
		{name: "nothing", target: "some/new/target", parents: 4},
		{name: "an old directory that nobody flushed", target: target, files: old, unflushed: slices.Collect(maps.Keys(old))},
	}
}

func (s situation) disk(t *testing.T) (*modelDisk, *powerCut) {
	m := newModelDisk(t, s.files, s.unflushed...)
	m.inSteps, m.copies = s.inSteps, s.copies
	return m, &powerCut{m: m, target: s.target, broken: s.unflushed != nil, tested: map[string]bool{}}
}

func TestAfterALossOfPowerTheTargetIsTheOldOrTheNew(t *testing.T) {
	for _, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			m, cut := s.disk(t)
			cut.allowed = []content{s.old, newContent}
			m.after = cut.try
			if err := replace(t.Context(), m, filepath.Join(m.root, filepath.FromSlash(s.target)), newContent); err != nil {
				t.Fatal(err)
			}
			// A commit that returned without an error is durable.
			*cut = powerCut{m: m, target: s.target, allowed: []content{newContent}, tested: map[string]bool{}}
			cut.try()
			if m.ops < 15 {
				t.Errorf("only %d operations were seen", m.ops)
			}
		})
	}
}

func TestAfterAKillAndALossOfPowerTheTargetIsWhole(t *testing.T) {
	tested, done := map[string]map[string]bool{}, map[string]bool{}
	for _, s := range situations() {
		if s.unflushed != nil {
			continue // there the old directory may hold anything
		}
		t.Run(s.name, func(t *testing.T) {
			// A state that another situation led to, under the same conditions, need not be tested
			// again.
			conditions := fmt.Sprint(s.old, s.inSteps)
			if tested[conditions] == nil {
				tested[conditions] = map[string]bool{}
			}
			// Start after the parents: if a killed process did not flush a parent's name, the next
			// process cannot know.
			for kill := s.parents + 1; ; kill++ {
				m, cut := s.disk(t)
				target := filepath.Join(m.root, filepath.FromSlash(s.target))
				m.killAt = kill
				killed := replace(t.Context(), m, target, newContent)
				m.killAt = 0
				cut.allowed, cut.tested = []content{s.old, newContent, newerContent}, tested[conditions]
				m.after = cut.try
				if err := replace(t.Context(), m, target, newerContent); err != nil {
					t.Fatalf("killed at operation %d: %v", kill, err)
				}
				*cut = powerCut{m: m, target: s.target, allowed: []content{newerContent}, tested: done}
				cut.try()
				if killed == nil {
					return
				}
			}
		})
	}
}

// What a user puts into the target at the last moment is put back, and is never lost on the way.
func TestAfterALossOfPowerForeignDataIsStillThere(t *testing.T) {
	mine := maps.Clone(oldContent)
	mine["notes"] = "mine"
	for name, inSteps := range map[string]bool{"an exchange": false, "an exchange in steps": true} {
		t.Run(name, func(t *testing.T) {
			m := newModelDisk(t, oldContent.below("parent/target"))
			m.inSteps = inSteps
			target := filepath.Join(m.root, "parent", "target")
			d, err := newOn(t.Context(), m, target, threeFiles, silent())
			if err != nil {
				t.Fatal(err)
			}
			for name, data := range newContent {
				if err := create(d, name, data); err != nil {
					t.Fatal(err)
				}
			}
			tested := map[string]bool{}
			err = d.Commit(t.Context(), func() error {
				notes, err := m.create(filepath.Join(target, "notes"))
				if err != nil {
					return err
				}
				_, err = io.WriteString(notes, mine["notes"])
				err = errors.Join(Finish(notes, err), m.syncDir(target))
				m.after = func() { assertSomewhere(m, mine, tested) }
				return err
			})
			if !errors.Is(err, errdef.ErrTargetNotEmpty) {
				t.Errorf("got %v", err)
			}
			if err := d.Discard(); err != nil {
				t.Error(err)
			}
			if got, left := read(t, target), beside(t, target); !maps.Equal(got, mine) || left != nil {
				t.Errorf("the target holds %q, and beside it are %q", got, left)
			}
		})
	}
}

// assertSomewhere fails unless in every state the target is whole and some directory holds want,
// even after a sweep.
func assertSomewhere(m *modelDisk, want content, tested map[string]bool) {
	m.crashes(func(names func(*node) map[string]*node, data func(*node) string) {
		state := describe(m.top, names, data)
		if tested[state] {
			return
		}
		tested[state] = true
		root := m.t.TempDir()
		build(m.t, root, m.top, names, data, map[*node]string{})
		target := filepath.Join(root, "parent", "target")
		if got := read(m.t, target); !maps.Equal(got, want) && !maps.Equal(got, newContent) && (got != nil || !m.inSteps) {
			m.t.Errorf("after operation %d the target may hold %q; the disk: %s", m.ops, got, state)
		}
		d, err := newOn(m.t.Context(), looseDisk{}, target, threeFiles, silent())
		if err == nil {
			err = d.Discard()
		}
		if err != nil && !errors.Is(err, errdef.ErrTargetNotEmpty) {
			m.t.Error(err)
		}
		entries, err := os.ReadDir(filepath.Join(root, "parent"))
		if err != nil {
			m.t.Fatal(err)
		}
		if !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			return maps.Equal(want, read(m.t, filepath.Join(root, "parent", e.Name())))
		}) {
			m.t.Errorf("after operation %d the foreign data is lost; the disk: %s", m.ops, state)
		}
	})
}
