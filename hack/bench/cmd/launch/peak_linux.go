package main

import "syscall"

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

func peakKiB(usage syscall.Rusage) int64 {
	return int64(usage.Maxrss) //nolint:unconvert // an int32 on some platforms
}
