//go:build !unix

package snapshot

import (
	"io/fs"
	"os"
)

// imitate gives a file the permissions of another.
func imitate(f *os.File, like fs.FileInfo) error { return f.Chmod(like.Mode().Perm() | 0o600) }
