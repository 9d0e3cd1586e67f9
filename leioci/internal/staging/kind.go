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

// A Kind says which directories may be replaced: those that hold files of these names and nothing else.
type Kind struct {
	Required []string
	Optional []string
}

// Check returns nil if the directory is absent, empty, or of the kind. Otherwise the error is errdef.ErrTargetNotEmpty
// and says what is in the way.
func (k Kind) Check(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return refuse(dir, "it is not a directory; use another name")
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) { // exchanged and removed since; what is there now is checked when it is replaced
		return nil
	}
	if err != nil {
		return err
	}
	if mounted(dir) {
		return refuse(dir, mountAdvice)
	}
	missing := slices.Clone(k.Required)
	for _, e := range entries {
		if !k.known(e) {
			return refuse(dir, fmt.Sprintf("it holds %q, which is not a snapshot's; use another directory", e.Name()))
		}
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == e.Name() })
	}
	if len(entries) > 0 && len(missing) > 0 {
		return refuse(dir, fmt.Sprintf("it is not an earlier snapshot: %q is missing; use another directory", missing[0]))
	}
	return nil
}

// known reports whether an entry of a directory is a file of the kind.
func (k Kind) known(e fs.DirEntry) bool {
	return e.Type().IsRegular() && (slices.Contains(k.Required, e.Name()) || slices.Contains(k.Optional, e.Name()))
}

// stranger returns the name of an entry that no staging directory of the kind has, or "".
func (k Kind) stranger(entries []fs.DirEntry) string {
	for _, e := range entries {
		private := e.Type().IsRegular() && strings.HasPrefix(e.Name(), privatePrefix)
		if !private && !k.known(e) {
			return e.Name()
		}
	}
	return ""
}

// mountAdvice is what to do about a target that cannot change its place.
const mountAdvice = "it is a mount point, which cannot be exchanged; use a directory inside it"

func refuse(dir, why string) error {
	return fmt.Errorf("%w: %s: %s", errdef.ErrTargetNotEmpty, dir, why)
}
