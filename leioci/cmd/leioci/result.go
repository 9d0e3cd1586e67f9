package main

import (
	"cmp"
	"fmt"
	"io"
)

// A resultWriter is the command's standard output. It keeps the first error, so that no result is
// lost with success, whoever wrote it.
type resultWriter struct {
	to  io.Writer
	err error
}

func (w *resultWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		err = fmt.Errorf("cannot print the result: %w", err)
		w.err = cmp.Or(w.err, err)
	}
	return n, err
}
