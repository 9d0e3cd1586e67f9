//go:build !linux

package main

import (
	"strings"
	"testing"
)

// checkOutput cannot run a Linux program here, and says so.
func checkOutput(t *testing.T, root string, args []string, want string) {
	t.Helper()
	t.Logf("%s in %s, which should print %q, is not run on this system", strings.Join(args, " "), root, want)
}
