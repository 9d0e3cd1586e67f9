package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// formatVersion is that of the JSON that this command prints. Members may be added without changing
// it.
const formatVersion = 1

// A format is the value of --format.
type format struct {
	name  string
	names []string // the possible ones
}

// addFormatFlag adds --format with text, json and possibly others.
func addFormatFlag(cmd *cobra.Command, others ...string) *format {
	f := &format{name: "text", names: append([]string{"text", "json"}, others...)}
	cmd.Flags().Var(f, "format", "how to print the result: `"+strings.Join(f.names, "|")+"`")
	return f
}

// String, Set and Type implement [github.com/spf13/pflag.Value].
func (f *format) String() string { return f.name }
func (f *format) Type() string   { return "format" }

// Set implements [github.com/spf13/pflag.Value].
func (f *format) Set(name string) error {
	if !slices.Contains(f.names, name) {
		return fmt.Errorf("must be one of %s", strings.Join(f.names, ", "))
	}
	f.name = name
	return nil
}

func (f *format) isJSON() bool { return f.name == "json" }

// writeJSON prints a value on several lines, without HTML's escapes.
func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
