package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(env environment) *cobra.Command {
	var format *format
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version. As JSON, these are the members format_version (1), version, go (the version of Go that
built the command) and platform (the operating system and the architecture).`,
		Example: "  leioci version\n  leioci version --format json",
		Args:    arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if format.isJSON() {
				return writeJSON(env.stdout, versionDocument{formatVersion, version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
			}
			return printVersion(env)
		},
	}
	format = addFormatFlag(cmd)
	return cmd
}

// A versionDocument is what version prints as JSON.
type versionDocument struct {
	FormatVersion int    `json:"format_version"`
	Version       string `json:"version"`
	Go            string `json:"go"`
	Platform      string `json:"platform"`
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
