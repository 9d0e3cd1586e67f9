//go:build !linux

package main

import (
	"strings"
	"testing"
)

// runIn cannot run a Linux program here, and says what it would print.
func runIn(t *testing.T, root string, args []string) string {
	t.Helper()
	t.Logf("%s in %s is not run on this system", strings.Join(args, " "), root)
	return ""
}
