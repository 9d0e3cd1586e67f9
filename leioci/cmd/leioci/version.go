package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return printVersion(env)
		},
	}
}

func printVersion(env environment) error {
	_, err := fmt.Fprintln(env.stdout, version())
	return err
}

// version returns the module version that the Go tool recorded in the binary: "(devel)" for a build
// without one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}
