//go:build !unix

package staging

// syncDir does nothing: directories cannot be flushed here, and the file system journals renames.
func syncDir(string) error { return nil }
