package target

import "github.com/lowendinsight/lei-go/leioci/internal/staging"

// Check is [Check] for the directory.
func (d *Dir) Check() error { return Check(d.path) }

// Check returns an error if the directory at path cannot be replaced: errdef.ErrTargetNotEmpty, or
// that of a file system. It changes nothing.
func Check(path string) error { return staging.Check(path, replaceable()) }
