package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A Replaceable says which directories may be replaced: those that contain files with these names
// and nothing else.
type Replaceable struct {
	Required []string
	Optional []string
	// Temporary begins the names of files that a process that was killed may have left in such a
	// directory. They go with it. If it is empty, there are none.
	Temporary string
	// Damaged reports whether a directory that lacks required files was once one of these, and may
	// be replaced too: a crash on a file system that does not keep its promises, or somebody's
	// hand, took some of its files. May be nil.
	Damaged func(dir string) bool
	// Downloads returns the ids of the partial files that the files in a directory of the kind came
	// from, by name, as far as the directory tells. May be nil.
	Downloads func(dir string) map[string]string
}

// Check returns nil if the directory is absent, empty, or of the kind. Otherwise it returns
// errdef.ErrTargetNotEmpty, which says what is in the way.
func (k Replaceable) Check(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return refuse(dir, "not a directory; use another name")
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		// It was exchanged and removed meanwhile. What is there now is checked when it is replaced.
		return nil
	}
	if err != nil {
		return err
	}
	if why := whyFixed(dir); why != "" {
		return refuse(dir, why)
	}
	missing := slices.Clone(k.Required)
	for _, e := range entries {
		if !k.known(e) {
			return refuse(dir, fmt.Sprintf("contains %q, which is %s; use another directory", e.Name(), k.whyUnknown(e)))
		}
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == e.Name() })
	}
	if len(entries) > 0 && len(missing) > 0 && (k.Damaged == nil || !k.Damaged(dir)) {
		return refuse(dir, fmt.Sprintf("not an earlier snapshot: %q is missing; use another directory", missing[0]))
	}
	return nil
}

// names returns all of the names.
func (k Replaceable) names() []string { return slices.Concat(k.Required, k.Optional) }

// known reports whether a directory entry is one of the kind's files.
func (k Replaceable) known(e fs.DirEntry) bool {
	return e.Type().IsRegular() && (slices.Contains(k.names(), e.Name()) || k.temporary(e.Name()))
}

// temporary reports whether a name is one of a file that a killed process left.
func (k Replaceable) temporary(name string) bool {
	return k.Temporary != "" && strings.HasPrefix(name, k.Temporary)
}

// whyUnknown says what a directory entry is that is not known.
func (k Replaceable) whyUnknown(e fs.DirEntry) string {
	if slices.Contains(k.names(), e.Name()) || k.temporary(e.Name()) {
		return "not a regular file"
	}
	return "not part of a snapshot"
}

// unexpected returns the name of an entry that does not belong in a staging directory of the kind,
// or "".
func (k Replaceable) unexpected(entries []fs.DirEntry) string {
	for _, e := range entries {
		private := e.Type().IsRegular() && strings.HasPrefix(e.Name(), privatePrefix)
		if !private && !k.known(e) {
			return e.Name()
		}
	}
	return ""
}

// whyFixed says why a directory cannot be renamed, as far as that can be told before it is tried,
// or "".
func whyFixed(dir string) string {
	if why := attributeFixed(dir); why != "" {
		return why
	}
	info, err := os.Lstat(dir)
	parent, parentErr := os.Stat(filepath.Dir(dir))
	if err != nil || parentErr != nil || parent.Mode()&fs.ModeSticky == 0 || os.Geteuid() == 0 {
		return ""
	}
	owner, _, ok := ownerOf(info)
	parentOwner, _, parentOK := ownerOf(parent)
	if ok && parentOK && owner != os.Geteuid() && parentOwner != os.Geteuid() {
		return fmt.Sprintf("it belongs to another user, and only that user can replace what is in %s, whose sticky bit is set; "+
			"use another directory", filepath.Dir(dir))
	}
	return ""
}

// mountAdvice says what to do about a target that is a mount point.
const mountAdvice = "a mount point cannot be renamed; use a directory inside it"

func refuse(dir, why string) error {
	return fmt.Errorf("%w: %s: %s", errdef.ErrTargetNotEmpty, dir, why)
}
