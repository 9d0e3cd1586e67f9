package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lowendinsight/lei-go/leioci"
)

// checkOutput rejects values that are there by mistake: -o "$DIR" and -o $DIR --verify, where DIR
// is not set, and --output=~/lei, which shells leave as it is.
func checkOutput(dir string) error {
	switch {
	case dir == "":
		return errors.New("--output is empty")
	case dir == "-":
		return errors.New("--output -: a snapshot is a directory, and does not go to standard output; give a directory, or ./- for one with this name")
	case strings.HasPrefix(dir, "-"):
		return fmt.Errorf("--output %s looks like a flag; for a directory with this name, write ./%[1]s", dir)
	case dir == "~", strings.HasPrefix(dir, "~/"):
		return fmt.Errorf("--output %s: the shell did not expand ~; write $HOME, or ./%[1]s for a directory with this name", dir)
	case namesNoDir(dir):
		return fmt.Errorf("--output %s: a snapshot is a directory; leioci copy and leioci push write layouts and archives", dir)
	}
	return nil
}

// namesNoDir reports whether something is written like a layout, an archive or a tar file, by those
// who expect these from other programs.
func namesNoDir(dir string) bool {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return false
	}
	switch scheme, _, ok := strings.Cut(strings.ToLower(dir), ":"); scheme {
	case "oci", "oci-layout", "oci-archive", "dir", "docker-archive", "docker", "file", "tar":
		return ok
	}
	return isTar(dir)
}

// refuseWorkingDir returns an error if dir is the working directory, or contains it. The library
// refuses to replace it; this refuses it even while it is up to date, so that it does not work until
// the first change.
func refuseWorkingDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil //nolint:nilerr // then dir is not it, or the pull fails
	}
	wd, err := os.Getwd()
	if err != nil {
		return nil //nolint:nilerr // the same
	}
	for above := wd; ; above = filepath.Dir(above) {
		if held, err := os.Stat(above); err == nil && os.SameFile(held, info) {
			return refusal(dir, above, wd)
		}
		if above == filepath.Dir(above) {
			return nil
		}
	}
}

// refusal says what is wrong with dir, which is the same as above, the working directory or one that
// contains it.
func refusal(dir, above, wd string) error {
	what := "contains the working directory, and is replaced as a whole"
	switch {
	case above == filepath.Dir(above):
		what = "is the root directory"
	case above == wd:
		what = "is the working directory, which would be left in the deleted old one"
	}
	return fmt.Errorf("%w: %s %s; use another directory", leioci.ErrTargetNotEmpty, dir, what)
}
