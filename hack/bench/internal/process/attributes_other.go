//go:build unix && !linux

package process

import "syscall"

// Attributes are those of any process: only Linux can end one with its parent.
func Attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
