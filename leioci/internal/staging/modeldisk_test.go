package staging

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var errKilled = errors.New("the process was killed")

// A node is a file or directory of a modelDisk.
type node struct {
	dir          bool
	live         map[string]*node   // of a directory: its names now
	since        []map[string]*node // and at its last flush, and after every operation from then on
	data, synced string             // of a file: its content now, and at its last flush
}

// A modelDisk carries out every operation, except that it flushes nothing, and records what may be
// on the disk after a loss of power. A file has the content of its last flush, or more. A directory
// has the names of its last flush or of any moment since, independently of the other directories.
type modelDisk struct {
	t       *testing.T
	osDisk          // carries it out
	root    string  // everything happens below it
	top     *node   // what root is
	dirs    []*node // all that ever existed
	inSteps bool    // there is no exchange in one step
	copies  bool    // there are no links
	ops     int
	killAt  int    // operations from this number on are not carried out; 0 for no limit
	after   func() // called after every operation that is carried out
}

// newModelDisk makes a disk with the given files, by path. All are flushed, except those in
// unflushed.
func newModelDisk(t *testing.T, files map[string]string, unflushed ...string) *modelDisk {
	t.Helper()
	m := &modelDisk{t: t, root: t.TempDir(), after: func() {}}
	m.top = m.newDir()
	for path, data := range files {
		at := m.top
		elements := strings.Split(path, "/")
		for _, name := range elements[:len(elements)-1] {
			if at.live[name] == nil {
				at.live[name] = m.newDir()
			}
			at = at.live[name]
		}
		at.live[elements[len(elements)-1]] = &node{data: data, synced: data}
	}
	for _, dir := range m.dirs {
		dir.flush()
	}
	for _, path := range unflushed {
		dir, name := m.entry(filepath.Join(m.root, path))
		dir.live[name].synced = ""
	}
	build(t, m.root, m.top, func(n *node) map[string]*node { return n.live }, whole, map[*node]string{})
	return m
}

func (m *modelDisk) newDir() *node {
	n := &node{dir: true, live: map[string]*node{}}
	n.flush()
	m.dirs = append(m.dirs, n)
	return n
}

// entry returns the directory of a path as it is now, and the last element of the path.
func (m *modelDisk) entry(path string) (*node, string) {
	rel, err := filepath.Rel(m.root, path)
	if err != nil {
		m.t.Fatal(err)
	}
	at := m.top
	elements := strings.Split(filepath.ToSlash(rel), "/")
	for _, name := range elements[:len(elements)-1] {
		at = at.live[name]
	}
	return at, elements[len(elements)-1]
}

func (m *modelDisk) at(path string) *node {
	if path == m.root {
		return m.top
	}
	dir, name := m.entry(path)
	return dir.live[name]
}

// do carries out one operation, then records it in the model.
func (m *modelDisk) do(op func() error, keep func()) error {
	m.ops++
	if m.killAt > 0 && m.ops >= m.killAt {
		return errKilled
	}
	if err := op(); err != nil {
		return err
	}
	keep()
	for _, n := range m.dirs {
		if last := n.since[len(n.since)-1]; !maps.Equal(n.live, last) {
			n.since = append(n.since, maps.Clone(n.live))
		}
	}
	m.after()
	return nil
}

// flush records the current state as flushed.
func (n *node) flush() {
	n.synced = n.data
	n.since = []map[string]*node{maps.Clone(n.live)}
}

// crashes calls f with every state that the disk may be in after a loss of power. What was written
// to files since they were flushed is lost in all of them, half there in all, or complete in all.
func (m *modelDisk) crashes(f func(names func(*node) map[string]*node, content func(*node) string)) {
	chosen := map[*node]map[string]*node{}
	names := func(n *node) map[string]*node { return chosen[n] }
	var choose func(dirs []*node)
	choose = func(dirs []*node) {
		if len(dirs) == 0 {
			f(names, func(n *node) string { return n.synced })
			f(names, half)
			f(names, whole)
			return
		}
		for _, state := range dirs[0].since {
			chosen[dirs[0]] = state
			choose(dirs[1:])
		}
	}
	choose(m.dirs)
}

func half(n *node) string {
	if n.data == n.synced {
		return n.data
	}
	return n.data[:len(n.data)/2]
}

func whole(n *node) string { return n.data }

// build writes a state to a directory, which exists. A file that has two names gets both.
func build(t *testing.T, dir string, n *node, names func(*node) map[string]*node, content func(*node) string, built map[*node]string) {
	t.Helper()
	for name, child := range names(n) {
		path := filepath.Join(dir, name)
		if first := built[child]; first != "" {
			if err := os.Link(first, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !child.dir {
			built[child] = path
			if err := os.WriteFile(path, []byte(content(child)), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.Mkdir(path, 0o750); err != nil {
			t.Fatal(err)
		}
		build(t, path, child, names, content, built)
	}
}

// describe says what is in a state, so that it is tested once.
func describe(n *node, names func(*node) map[string]*node, content func(*node) string) string {
	if !n.dir {
		return fmt.Sprintf("%q", content(n))
	}
	var b strings.Builder
	entries := names(n)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		// Names that differ only in their random part do not make a different state.
		if begin, _, cut := strings.Cut(name, "-staging-"); cut {
			b.WriteString(begin + "-staging" + filepath.Ext(name[1:]))
		} else {
			b.WriteString(name)
		}
		b.WriteString("{" + describe(entries[name], names, content) + "}")
	}
	return b.String()
}
