package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// makeTemporary makes a directory for what is removed at the end. That there is no place for it is a
// failure, and does not mean that what was asked for is not found.
func makeTemporary() (string, error) {
	dir, err := os.MkdirTemp("", "leioci-")
	if err != nil {
		return "", decision{exitFailure, fmt.Errorf("cannot make a temporary directory in %s: %w; set TMPDIR to another one", os.TempDir(), err)}
	}
	return dir, nil
}

// withoutWorkingDir explains that a file is not found because the working directory was removed,
// which does not mean either that what was asked for is not found.
func withoutWorkingDir(err error) error {
	var path *fs.PathError
	if exitStatus(err) != exitNotFound && !isMkdir(err) || !errors.As(err, &path) || filepath.IsAbs(path.Path) {
		return err
	}
	if _, gone := os.Getwd(); gone == nil {
		return err
	}
	return decision{exitFailure, fmt.Errorf("%w; the working directory was removed: change to another one", err)}
}
