package staging

import (
	"errors"
	"fmt"
	"os"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// Check returns the error with which [New] would refuse the target for what it is now, and changes
// nothing. With it, a caller can refuse a target before it fetches what is to go there.
//
// It takes no lock. If another process replaces the target while Check reads it, it reads the new
// one.
func Check(target string, replaceable Replaceable) error {
	given := target
	target, err := resolve(given)
	if err != nil && given != "" && !errors.Is(err, errdef.ErrTargetNotEmpty) {
		return fmt.Errorf("%s: %w", given, err) // that of a loop of links does not name it
	}
	if err != nil {
		return err
	}
	// A directory that was exchanged is emptied and removed, and looks incomplete meanwhile.
	const tries = 3
	for range tries {
		before, statErr := os.Stat(target)
		if err = replaceable.Check(target); err == nil {
			break
		}
		if after, afterErr := os.Stat(target); statErr != nil || afterErr != nil || os.SameFile(before, after) {
			return err
		}
	}
	if err == nil && isWorkingDir(target) {
		return refuse(target, workingDirAdvice)
	}
	return err
}
