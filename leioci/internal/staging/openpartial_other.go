//go:build !linux && !darwin && !windows

package staging

import "errors"

// openPartial cannot tell whether another has the file.
func openPartial(string) (file, error) { return nil, errors.ErrUnsupported }
