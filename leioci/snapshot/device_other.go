//go:build !unix

package snapshot

import "io/fs"

// sameDevice reports whether two files are on one file system, as far as can be told.
func sameDevice(_, _ fs.FileInfo) bool { return true }
