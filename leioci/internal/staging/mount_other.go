//go:build !linux

package staging

// isMountPoint cannot tell here. The exchange with a mount point fails by itself.
func isMountPoint(string) bool { return false }

func explainBusy(_ string, err error) error { return err }
