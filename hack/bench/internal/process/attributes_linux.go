package process

import "syscall"

// Attributes are those of a process that ends with its parent, even if that is killed.
func Attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
