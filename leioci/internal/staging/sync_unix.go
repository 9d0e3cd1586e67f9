//go:build unix

package staging

import "os"

// syncDir flushes a directory, so that the names in it survive a crash. Flushing a file does not
// flush its name.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return Finish(f, nil)
}
