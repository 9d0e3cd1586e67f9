//go:build !linux && !darwin

package staging

import (
	"context"
	"errors"
	"io"
)

// lock locks nothing: a directory cannot be locked here. Those who replace one directory at the same moment may get
// errors; what they leave is still one whole directory. No sweep takes part in that: it leaves alone for a day what was
// begun.
func lock(context.Context, string) (unlock func() error, err error) {
	return func() error { return nil }, nil
}

func holdDir(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func holdExisting(string) (io.Closer, error) { return nil, errors.ErrUnsupported }
