package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A Replaceable says which directories may be replaced: those that contain files with these names and
// nothing else.
type Replaceable struct {
	Required []string
	Optional []string
	// Damaged reports whether a directory that lacks required files was once one of these, and may
	// be replaced too: a crash on a file system that does not keep its promises, or somebody's
	// hand, took some of its files. May be nil.
	Damaged func(dir string) bool
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
	if isMountPoint(dir) {
		return refuse(dir, mountAdvice)
	}
	missing := slices.Clone(k.Required)
	for _, e := range entries {
		if !k.known(e) {
			return refuse(dir,
				fmt.Sprintf("contains %q, which is not part of a snapshot; use another directory", e.Name()))
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
	return e.Type().IsRegular() && slices.Contains(k.names(), e.Name())
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

// mountAdvice says what to do about a target that is a mount point.
const mountAdvice = "a mount point cannot be renamed; use a directory inside it"

func refuse(dir, why string) error {
	return fmt.Errorf("%w: %s: %s", errdef.ErrTargetNotEmpty, dir, why)
}
