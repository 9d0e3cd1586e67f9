package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is why a command failed that was interrupted. What it was doing then is of no
// interest.
var errInterrupted = errors.New("interrupted; run it again to continue")

// interruptible runs what takes time, until the first signal; a second one kills the process.
// Commands that take none do without: to listen for signals costs a tenth of the time in which the
// version is printed.
func interruptible(ctx context.Context, do func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	// A reader that has gone, such as head, would kill the process before it has removed what is
	// temporary. Now writing to it fails.
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	defer signal.Stop(unread)
	err := do(ctx)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
