//go:build man

package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// addMan adds a hidden command that writes the manual pages, for a release. It needs templates, for
// whose sake the linker keeps every method (see startup_test.go), so only a build with the tag man
// has it.
func addMan(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages",
		Args:   arguments(cobra.ExactArgs(1)),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true // its date would differ from build to build
			forMan(root)
			header := &doc.GenManHeader{Section: "1", Source: "leioci " + version(), Manual: "User Commands"}
			return errors.Join(os.MkdirAll(args[0], 0o755), doc.GenManTree(root, header, args[0]))
		},
	})
}

// forMan makes Markdown of the texts of a command, and of those below. Indented lines stay lines.
func forMan(cmd *cobra.Command) {
	var lines []string
	indented := false
	for line := range strings.Lines(cmd.Long) {
		begins := strings.HasPrefix(line, "  ")
		switch {
		case begins:
			line = "    " + strings.TrimPrefix(line, "  ")
		default:
			line = strings.NewReplacer("<", "&lt;", "*", `\*`, "|", `\|`).Replace(line)
		}
		if begins && !indented {
			lines = append(lines, "\n")
		}
		indented = begins
		lines = append(lines, line)
	}
	cmd.Long = strings.Join(lines, "")
	for _, sub := range cmd.Commands() {
		forMan(sub)
	}
}
