package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// modeBits are what [attributes] keep of a mode.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// attributes are who may do what with the old directory and its files, by name. The new ones get
// the same, so that whoever could read the old snapshot can read the new one.
//
// What another user owns in a directory such as /tmp is not an example to follow: that user may
// have created it for us to find, with a mode of their choice. See placed. Elsewhere, what another
// user owns becomes this user's if its owner can read it all the same. See readable.
type attributes struct {
	dir   fs.FileInfo // nil if there is no old directory, or none to be trusted
	files map[string]fs.FileInfo
}

// attributesOf returns those of the old directory.
func (d *Dir) attributesOf(target string) attributes {
	a := attributes{files: map[string]fs.FileInfo{}}
	parent, err := os.Stat(d.names.parent)
	if err != nil {
		return a
	}
	info, err := os.Lstat(target)
	if err != nil || !info.IsDir() || !placed(info, parent) {
		return a
	}
	a.dir = example(info, parent)
	for _, name := range d.replaceable.names() {
		file, err := os.Lstat(filepath.Join(target, name))
		if err == nil && file.Mode().IsRegular() && (trusted(file, parent) || sameOwner(file, info)) {
			a.files[name] = example(file, parent)
		}
	}
	return a
}

// example returns what the new directory, or a file in it, is to be like. An owner who is not
// trusted could change a verified snapshot, and is kept only for what nobody else may read.
func example(info, parent fs.FileInfo) fs.FileInfo {
	if trusted(info, parent) || !readable(info) {
		return info
	}
	return unowned{info}
}

// readable reports whether everybody may read a file, or read and enter a directory.
func readable(info fs.FileInfo) bool {
	need := fs.FileMode(0o004)
	if info.IsDir() {
		need = 0o005
	}
	return info.Mode().Perm()&need == need
}

// unowned is an example without its user, and without what others may change.
type unowned struct{ fs.FileInfo }

func (u unowned) Mode() fs.FileMode { return u.FileInfo.Mode() &^ (fs.ModeSetuid | 0o022) }

// placed reports whether something in a directory was put there by those who are trusted: it is
// owned by one of them, or nobody else can put anything there. Then they have given it to its
// owner, such as a directory that root made for the user of a service.
func placed(info, parent fs.FileInfo) bool {
	const others = 0o022 // with an access control list, the group's bits are the most that it allows
	return trusted(info, parent) || parent.Mode().Perm()&others == 0
}

// sameOwner reports whether two files are owned by the same user.
func sameOwner(a, b fs.FileInfo) bool {
	user, _, ok := ownerOf(a)
	other, _, otherOK := ownerOf(b)
	return ok && otherOK && user == other
}

// file returns the example for a file of the new directory: the old one with this name, or else
// another of the old ones.
func (a attributes) file(name string, others []string) fs.FileInfo {
	if info := a.files[name]; info != nil {
		return info
	}
	for _, other := range others {
		if info := a.files[other]; info != nil {
			return info
		}
	}
	return nil
}

// adopt gives a file the owner and mode that it is to have in the new directory under a name: those
// of the old file, or else those that the file system gives to a new file. It reports whether the
// file is as accessible then as it should be: some file systems refuse to change a mode.
func (d *Dir) adopt(path, name string) (ok bool, err error) {
	like := d.old.file(name, d.replaceable.Required)
	if like == nil {
		if like, err = d.newFile(filepath.Join(d.path, name)); err != nil {
			return false, err
		}
	}
	if err := d.imitate(path, like, like.Mode()&modeBits); err != nil {
		return false, err
	}
	now, err := os.Lstat(path)
	return err == nil && now.Mode().Perm()&like.Mode().Perm() == like.Mode().Perm(), err
}

// newFile returns what the file system gives to a new file at path: depending on the umask, the
// group and the access control list of the directory.
func (d *Dir) newFile(path string) (fs.FileInfo, error) {
	f, err := d.disk.create(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	return info, errors.Join(err, f.Close(), d.removeFile(path))
}

// imitate gives a file or directory the group of another, its user if this process may do so and
// the other is not unowned, and a mode.
func (d *Dir) imitate(path string, like fs.FileInfo, mode fs.FileMode) error {
	now, err := os.Lstat(path)
	if err != nil {
		return err
	}
	user, group, ok := ownerOf(like)
	userNow, groupNow, okNow := ownerOf(now)
	if _, is := like.(unowned); is {
		user = userNow
	}
	if ok && okNow && (group != groupNow || user != userNow && os.Geteuid() == 0) {
		if os.Geteuid() != 0 {
			user = -1 // only root can give a file away
		}
		err := d.disk.chown(path, user, group)
		if err != nil {
			mode &^= fs.ModeSetuid | fs.ModeSetgid // they are about the user and group that it does not have
		}
		if err := d.passOverRefused(err); err != nil {
			return err
		}
		if now, err = os.Lstat(path); err != nil { // a change of owner may have cleared bits
			return err
		}
	}
	if now.Mode()&modeBits == mode {
		return nil
	}
	return d.passOverRefused(d.disk.chmod(path, mode))
}
