package target

import "github.com/lowendinsight/lei-go/leioci/internal/staging"

// Absolute returns the absolute path of a directory, or an empty path for an empty one.
func Absolute(path string) string { return staging.Absolute(path) }

// Check is [Check] for the directory.
func (d *Dir) Check() error { return Check(d.path) }

// Check returns an error if the directory at path cannot be replaced: errdef.ErrTargetNotEmpty, or
// that of a file system. It changes nothing.
func Check(path string) error { return staging.Check(path, replaceable()) }
