//go:build unix && !linux

package main

import (
	"runtime"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

func peakKiB(usage syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss) >> 10 // bytes there
	}
	return int64(usage.Maxrss)
}
