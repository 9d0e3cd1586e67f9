//go:build !unix

package credential

import "os/exec"

// setProcessGroup does nothing: package exec kills only the process itself. A child that survives
// is waited for no longer than waitDelay.
func setProcessGroup(*exec.Cmd) (kill func()) { return func() {} }
