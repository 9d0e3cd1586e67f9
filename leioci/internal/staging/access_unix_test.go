//go:build linux || darwin

package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// modeOf returns the mode of a file and its group.
func modeOf(t *testing.T, path string) (fs.FileMode, uint32, uint32) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	return info.Mode() & modeBits, st.Uid, st.Gid
}

func TestTheNewDirectoryIsAsAccessibleAsTheOld(t *testing.T) {
	const group = 4321
	root := os.Geteuid() == 0
	for name, tc := range map[string]struct{ dir, file fs.FileMode }{
		"readable by a group": {fs.ModeSetgid | 0o750, 0o640},
		"readable by all":     {0o755, 0o644},
		"private":             {0o700, 0o600},
		"writable by a group": {fs.ModeSetgid | 0o2775, 0o664},
	} {
		t.Run(name, func(t *testing.T) {
			old := syscall.Umask(0o027)
			defer syscall.Umask(old)
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			if root {
				if err := os.Chown(target, -1, group); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range []string{"a", "b", "c"} {
				path := filepath.Join(target, f)
				if root {
					if err := os.Chown(path, -1, group); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Chmod(path, tc.file); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(target, tc.dir); err != nil {
				t.Fatal(err)
			}
			dirMode, dirUser, dirGroup := modeOf(t, target)
			// The private files on the way are not more accessible.
			d := newDir(t, target)
			p := openPartialOf(t, d, "sha256-00")
			for path, most := range map[string]fs.FileMode{p.path: 0o600, d.names.lock: 0o600, d.Path(): tc.dir.Perm()} {
				if mode, _, _ := modeOf(t, path); mode.Perm()&^most != 0 {
					t.Errorf("%s: %v", filepath.Base(path), mode)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			discard(t, d)
			for _, c := range []content{newContent, newerContent} {
				if err := replace(t.Context(), osDisk{}, target, c); err != nil {
					t.Fatal(err)
				}
				if mode, user, group := modeOf(t, target); mode != dirMode || user != dirUser || group != dirGroup {
					t.Errorf("the directory is %v of %d:%d, want %v of %d:%d", mode, user, group, dirMode, dirUser, dirGroup)
				}
				for f := range c {
					if mode, _, group := modeOf(t, filepath.Join(target, f)); mode != tc.file || group != dirGroup {
						t.Errorf("%s is %v of group %d, want %v of %d", f, mode, group, tc.file, dirGroup)
					}
				}
			}
		})
	}
}

func TestANewDirectoryIsWhatMkdirMakes(t *testing.T) {
	for umask, want := range map[int]struct{ dir, file fs.FileMode }{
		0o022: {0o755, 0o644}, 0o077: {0o700, 0o600}, 0o027: {0o750, 0o640}, 0o002: {0o775, 0o664},
	} {
		old := syscall.Umask(umask)
		target := filepath.Join(t.TempDir(), "parent", "target")
		err := replace(t.Context(), osDisk{}, target, newContent)
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		if mode, _, _ := modeOf(t, target); mode != want.dir {
			t.Errorf("umask %#o: the directory is %v", umask, mode)
		}
		for name := range newContent {
			if mode, _, _ := modeOf(t, filepath.Join(target, name)); mode != want.file {
				t.Errorf("umask %#o: %s is %v, want %v", umask, name, mode, want.file)
			}
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	parent := filepath.Join(t.TempDir(), "parent")
	if err := errors.Join(os.Mkdir(parent, 0o700), os.Chown(parent, -1, somebody), os.Chmod(parent, fs.ModeSetgid|0o750)); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(parent, "target")
	if err := replace(t.Context(), osDisk{}, target, newContent); err != nil {
		t.Fatal(err)
	}
	if mode, _, group := modeOf(t, target); mode&fs.ModeSetgid == 0 || group != somebody {
		t.Errorf("below a directory with the setgid bit it is %v of group %d", mode, group)
	}
	if _, _, group := modeOf(t, filepath.Join(target, "c")); group != somebody {
		t.Errorf("its file is of group %d", group)
	}
}

// Its group, which may read it and no more, is one where nobody else can have put it there.
func TestAnotherUsersDirectoryIsNoExample(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	for name, tc := range map[string]struct {
		content content
		parent  fs.FileMode
		group   uint32
	}{
		"an empty one":                        {content{}, fs.ModeSticky | 0o777, uint32(os.Getegid())},
		"a snapshot":                          {oldContent, fs.ModeSticky | 0o777, uint32(os.Getegid())},
		"an empty one in a directory of ours": {content{}, 0o755, somebody},
		"a snapshot in a directory of ours":   {oldContent, 0o755, somebody},
	} {
		t.Run(name, func(t *testing.T) {
			c := tc.content
			target := filepath.Join(t.TempDir(), "parent", "target")
			c.write(t, target)
			must(t, os.Chmod(filepath.Dir(target), tc.parent))
			if err := errors.Join(giveAway(target), os.Chmod(target, 0o777)); err != nil {
				t.Fatal(err)
			}
			for f := range c {
				if err := errors.Join(giveAway(filepath.Join(target, f)), os.Chmod(filepath.Join(target, f), 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			if err := replace(t.Context(), osDisk{}, target, newContent); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{target, filepath.Join(target, "a"), filepath.Join(target, "b"), filepath.Join(target, "c")} {
				if mode, user, _ := modeOf(t, path); mode&0o022 != 0 || user != 0 {
					t.Errorf("%s is %v of user %d", filepath.Base(path), mode, user)
				}
			}
			if _, _, group := modeOf(t, target); group != tc.group {
				t.Errorf("its group is %d, want %d", group, tc.group)
			}
		})
	}
}

// A directory that was given to the user of a service, for that user alone, stays readable.
func TestWhatOnlyItsOwnerMayReadStaysTheirs(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	for name, tc := range map[string]struct{ dir, file fs.FileMode }{
		"private": {0o700, 0o600}, "readable by a group": {0o750, 0o640},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "parent", "target")
			oldContent.write(t, target)
			must(t, os.Chmod(filepath.Dir(target), 0o755))
			must(t, errors.Join(giveAway(target), os.Chmod(target, tc.dir)))
			for f := range oldContent {
				must(t, errors.Join(giveAway(filepath.Join(target, f)), os.Chmod(filepath.Join(target, f), tc.file)))
			}
			must(t, replace(t.Context(), osDisk{}, target, newContent))
			for path, want := range map[string]fs.FileMode{target: tc.dir, filepath.Join(target, "a"): tc.file} {
				if mode, user, group := modeOf(t, path); mode != want || user != somebody || group != somebody {
					t.Errorf("%s is %v of %d:%d", filepath.Base(path), mode, user, group)
				}
			}
		})
	}
}

// unmovingDisk renames nothing.
type unmovingDisk struct{ osDisk }

func (unmovingDisk) rename(_, _ string) error { return syscall.EIO }

func TestAPartialFileThatCannotBeMovedStaysPrivate(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	must(t, errors.Join(os.Chmod(filepath.Join(target, "a"), 0o644), os.Chmod(target, 0o700)))
	d, err := newOn(t.Context(), unmovingDisk{}, target, threeFiles, silent())
	must(t, err)
	p := openPartialOf(t, d, "sha256-00")
	must(t, appends("ours")(p))
	if err := p.MoveTo(t.Context(), "a"); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v", err)
	}
	if mode, _, _ := modeOf(t, p.path); mode != 0o600 {
		t.Errorf("it is %v", mode)
	}
	must(t, p.Close())
	discard(t, d)
}
