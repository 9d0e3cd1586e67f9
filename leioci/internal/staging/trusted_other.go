//go:build !linux && !darwin

package staging

import "io/fs"

// trusted cannot tell here who owns a file.
func trusted(_, _ fs.FileInfo) bool { return true }
