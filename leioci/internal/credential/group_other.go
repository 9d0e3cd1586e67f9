//go:build !unix

package credential

import "os/exec"

// group leaves it at package exec's way, which kills the process alone. A child that goes on is not waited for longer
// than waitDelay.
func group(*exec.Cmd) (kill func()) { return func() {} }
