package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// describeThere says what is at a path that is not written as what it is. It returns "" if nothing is
// there, or what has no better name.
func describeThere(path string) string {
	info, err := os.Stat(path)
	holds := func(name string) bool {
		_, err := os.Lstat(filepath.Join(path, name))
		return err == nil
	}
	switch {
	case err != nil:
		return ""
	case info.Mode().IsRegular() && isTar(path):
		return fmt.Sprintf("%s is a file; if it is an OCI archive, write oci-archive:%[1]s", path)
	case !info.IsDir():
		return ""
	case holds(snapshot.ManifestFile):
		return fmt.Sprintf("%s is a directory with a snapshot; leioci push copies it to a registry, a layout or an archive", path)
	case holds("oci-layout"):
		return fmt.Sprintf("%s is an OCI image layout; write oci-layout:%[1]s", path)
	}
	return ""
}

// isTar reports whether a path ends like the name of a tar file.
func isTar(path string) bool {
	path = strings.ToLower(path)
	for _, end := range []string{".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}

// refuseOtherThanDir returns a usage error for what is written where a DIR is wanted and is none of a
// snapshot: a layout, an archive, or the name that another program has for one, such as oci:DIR.
func refuseOtherThanDir(text string) error {
	if _, err := os.Lstat(text); !errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(text, snapshot.ManifestFile)); err == nil {
			return nil
		}
		if there := describeThere(text); there != "" {
			return usageError{errors.New(there)}
		}
		return nil // it is there, or that is told when it is opened
	}
	scheme, _, ok := strings.Cut(text, ":")
	if !ok || len(scheme) == 1 { // a drive of Windows
		return nil
	}
	_, err := parseLocation(text)
	return err
}

// refuseReference is refuseOtherThanDir for a command that takes no REF. It says which one does.
func refuseReference(text, instead string) error {
	if isReference(text) {
		if _, err := leioci.ParseLocation(text); err == nil {
			return usageError{fmt.Errorf("%s is a reference, and a directory is wanted; %s", text, instead)}
		}
	}
	return refuseOtherThanDir(text)
}
