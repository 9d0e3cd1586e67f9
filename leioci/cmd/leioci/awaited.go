package main

import (
	"context"
	"io"
)

// awaited returns a reader of r that ends with ctx, even while r waits for something to read: a
// terminal or a pipe may do so forever, and the operating system does not let go of a read that has
// begun. That read then remains until the process ends, and what it returns is dropped. The caller
// must close the reader.
func awaited(ctx context.Context, r io.Reader) io.ReadCloser {
	read, write := io.Pipe()
	go func() {
		_, err := io.Copy(write, r)
		_ = write.CloseWithError(err) // never fails
	}()
	stop := context.AfterFunc(ctx, func() { _ = write.CloseWithError(context.Cause(ctx)) })
	return &awaiting{read, stop}
}

// awaiting is a reader that awaited returned.
type awaiting struct {
	*io.PipeReader
	stop func() bool
}

func (a *awaiting) Close() error {
	a.stop()
	return a.PipeReader.Close()
}
