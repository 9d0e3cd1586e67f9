//go:build !unix

package staging

// syncDir does nothing: directories cannot be flushed here, and renames are journaled by the file system.
func syncDir(string) error { return nil }
