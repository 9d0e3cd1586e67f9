package staging

import (
	"errors"
	"io/fs"
	"os"
)

// The operations of a modelDisk.

func (m *modelDisk) mkdir(path string, perm fs.FileMode) error {
	return m.do(func() error { return m.osDisk.mkdir(path, perm) }, func() {
		dir, name := m.entry(path)
		dir.live[name] = m.newDir()
	})
}

func (m *modelDisk) create(path string) (f file, err error) {
	err = m.do(func() error { f, err = m.osDisk.create(path); return err }, func() {
		dir, name := m.entry(path)
		dir.live[name] = &node{}
		f = m.opened(f, path)
	})
	return f, err
}

func (m *modelDisk) openPartial(path string) (f file, err error) {
	err = m.do(func() error { f, err = m.osDisk.openPartial(path); return err }, func() {
		if dir, name := m.entry(path); dir.live[name] == nil {
			dir.live[name] = &node{}
		}
		f = m.opened(f, path)
	})
	return f, err
}

func (m *modelDisk) rename(from, to string) error {
	return m.do(func() error { return m.osDisk.rename(from, to) }, func() {
		src, old := m.entry(from)
		dst, name := m.entry(to)
		dst.live[name] = src.live[old]
		delete(src.live, old)
	})
}

func (m *modelDisk) exchange(a, b string) error {
	if m.inSteps {
		return errors.ErrUnsupported
	}
	return m.do(func() error { return m.osDisk.exchange(a, b) }, func() {
		dirA, nameA := m.entry(a)
		dirB, nameB := m.entry(b)
		dirA.live[nameA], dirB.live[nameB] = dirB.live[nameB], dirA.live[nameA]
	})
}

func (m *modelDisk) link(from, to string) error {
	if m.copies {
		return errors.ErrUnsupported
	}
	return m.do(func() error { return m.osDisk.link(from, to) }, func() {
		dir, name := m.entry(to)
		dir.live[name] = m.at(from)
	})
}

func (m *modelDisk) remove(path string) error {
	return m.do(func() error { return m.osDisk.remove(path) }, func() {
		dir, name := m.entry(path)
		delete(dir.live, name)
	})
}

func (m *modelDisk) chmod(path string, perm fs.FileMode) error {
	return m.do(func() error { return m.osDisk.chmod(path, perm) }, func() {})
}

func (m *modelDisk) syncFile(path string) error {
	return m.do(func() error { return nil }, func() { m.at(path).flush() })
}

func (m *modelDisk) syncDir(path string) error {
	return m.do(func() error { return nil }, func() { m.at(path).flush() })
}

// A modelFile is an open file of a modelDisk.
type modelFile struct {
	file
	m    *modelDisk
	node *node
	path string // when it was opened
}

func (m *modelDisk) opened(f file, path string) file {
	return &modelFile{file: f, m: m, node: m.at(path), path: path}
}

func (f *modelFile) Write(b []byte) (n int, err error) {
	err = f.m.do(func() error { n, err = f.file.Write(b); return err }, f.changed)
	return n, err
}

func (f *modelFile) Truncate(size int64) error {
	return f.m.do(func() error { return f.file.Truncate(size) }, f.changed)
}

func (f *modelFile) Sync() error {
	return f.m.do(func() error { return nil }, f.node.flush)
}

func (f *modelFile) changed() {
	data, err := os.ReadFile(f.path)
	if err != nil {
		f.m.t.Fatal(err)
	}
	f.node.data = string(data)
}
