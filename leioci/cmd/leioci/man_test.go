//go:build man

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasAManualPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	t.Setenv("SOURCE_DATE_EPOCH", "1770519600")
	if status, stdout, stderr := leiociIn(t, t.TempDir(), "", "man", dir); status != 0 || stdout != "" || stderr != "" {
		t.Fatalf("%d, %q, %q", status, stdout, stderr)
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		}
		for _, has := range []string{".TH", "Feb 2026", "SH NAME", "SH SYNOPSIS"} {
			if !strings.Contains(string(page), has) {
				t.Errorf("%s has no %s", cmd.CommandPath(), has)
			}
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				check(sub)
			}
		}
	}
	check(newRoot(environment{stdout: &strings.Builder{}}))
}
