package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
)

// A configError is a failure that the configuration, or what it names, causes: it stays until an
// operator acts. At startup it ends the process, so that a rollout fails where it is seen.
type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

// exitStatus returns the exit status of a process that ends with err: 2 for a configuration that
// cannot work, and 1 otherwise.
func exitStatus(err error) int {
	var config configError
	if errors.As(err, &config) {
		return 2
	}
	return 1
}

// cannotWork reports whether the first error of a watch shows that the configuration cannot work.
// Rejected credentials are not among these errors: a registry may reject good ones for a while.
func cannotWork(err error, serving bool) bool {
	if errors.Is(err, leioci.ErrTargetNotEmpty) {
		return true // even if there is something to serve, it would never be updated
	}
	return !serving && (errors.Is(err, leioci.ErrInvalidReference) || errors.Is(err, leioci.ErrInsecure) ||
		errors.Is(err, fs.ErrPermission))
}

// checkParents returns a configError if files cannot be created beside dir, where a pull builds the
// next snapshot. If dir is a symbolic link, that is
// beside the link and beside what it points to.
func checkParents(dir string, log logrus.FieldLogger) error {
	parents := []string{filepath.Dir(filepath.Clean(dir))}
	if to, err := filepath.EvalSymlinks(dir); err == nil {
		parents = append(parents, filepath.Dir(to))
	}
	for _, parent := range slices.Compact(parents) {
		err := checkWritable(parent)
		switch {
		case err == nil:
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EIO):
			log.WithError(err).Warnf("cannot write beside %s for now", dir)
		default:
			return configError{fmt.Errorf("-dir %s: its parent directory must be writable: %w", dir, err)}
		}
	}
	return nil
}

// checkWritable creates a file in a directory and removes it. Missing directories are created, as
// by a pull.
func checkWritable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".lei-watch-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
