//go:build !linux

package staging

// attributeFixed cannot tell here. The exchange with a mount point fails by itself.
func attributeFixed(string) string { return "" }

func explainBusy(_ string, err error) error { return err }
