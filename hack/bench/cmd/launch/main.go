//go:build unix

// Command launch runs a program and writes to file descriptor 3 what that took: wall and CPU time in
// nanoseconds, and the peak of its resident memory in KiB.
//
// It is small because a process starts with the peak of the process that forked it: what this
// program takes is the least that can be measured.
package main

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: launch PROGRAM [ARGUMENT...]")
	}
	runtime.LockOSThread() // the child is killed when the thread that forked it ends
	sys := attributes()
	begin := time.Now()
	pid, err := syscall.ForkExec(os.Args[1], os.Args[1:], &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: sys})
	if err != nil {
		fail(os.Args[1] + ": " + err.Error())
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	wall := time.Since(begin)
	if err != nil {
		fail("wait: " + err.Error())
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	line := strconv.FormatInt(int64(wall), 10) + " " + strconv.FormatInt(int64(cpu), 10) + " " + strconv.FormatInt(peakKiB(usage), 10) + "\n"
	if _, err := os.NewFile(3, "result").WriteString(line); err != nil {
		fail("result: " + err.Error())
	}
	switch {
	case status.Signaled():
		fail(os.Args[1] + ": killed by " + status.Signal().String())
	case status.ExitStatus() != 0:
		os.Exit(status.ExitStatus())
	}
}

func fail(message string) {
	_, _ = os.Stderr.WriteString("launch: " + message + "\n")
	os.Exit(125)
}
