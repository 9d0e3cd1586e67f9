//go:build !linux && !darwin && !windows

package staging

import (
	"errors"
	"io/fs"
)

// openPartial cannot tell here whether someone else has the file open.
func openPartial(string) (file, error) { return nil, errors.ErrUnsupported }

// hasOneLink cannot tell here.
func hasOneLink(string, fs.FileInfo) bool { return false }
