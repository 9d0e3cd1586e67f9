package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// standardInput is the name of an input that is none of a file.
const standardInput = "-"

// checkInputs rejects inputs that are there by mistake.
func checkInputs(inputs []string) error {
	standard := 0
	for _, name := range inputs {
		if name == "" {
			return errors.New("--input is empty")
		}
		if name == standardInput {
			standard++
		}
	}
	switch {
	case len(inputs) == 0:
		return errors.New("no --input given")
	case standard > 1:
		return errors.New("--input - is given twice, and standard input can be read once")
	}
	return nil
}

// addInputs writes the reports of all inputs, in order.
func addInputs(ctx context.Context, env environment, w *snapshot.Writer, o exportOptions) error {
	for _, name := range o.inputs {
		r, err := openInput(ctx, env, name)
		if err != nil {
			return err
		}
		err = w.AddFrom(ctx, r)
		_ = r.Close() // it was read only
		if err != nil {
			return inputError(name, o.dir, err)
		}
	}
	return nil
}

// openInput opens a file or standard input.
func openInput(ctx context.Context, env environment, name string) (io.ReadCloser, error) {
	if name == standardInput {
		return awaited(ctx, env.stdin), nil
	}
	f, _, err := regular.Open(name)
	if errors.Is(err, regular.ErrNotRegular) {
		return nil, fmt.Errorf("%w; for what another program writes, use --input - and a pipe", err)
	}
	return f, err
}

// inputError says which input could not be copied, and why. It leaves out the temporary name of what
// is being written.
func inputError(name, dir string, err error) error {
	if name == standardInput {
		name = "standard input"
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	if isAny(err, snapshot.ErrMalformed, snapshot.ErrTooLarge, snapshot.ErrCorrupt) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("from %s to %s: %w", name, dir, err) // either may have failed
}
