package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// formatVersion is that of the JSON that this command prints. Members may be added without changing
// it.
const formatVersion = 1

// formatHelp explains --format json.
const formatHelp = `With --format json, a result is one JSON object. Its member format_version is 1, and stays that when
members are added. With status 6 or 8, which are results, it is printed as well. A command that fails
prints its error as text to standard error, and to standard output nothing but what it did before, such
as what is pushed already.`

// A choice is the value of a flag that is one of several names.
type choice struct {
	name  string
	names []string // the possible ones
}

// addChoiceFlag adds a flag whose value is one of names.
func addChoiceFlag(cmd *cobra.Command, flag, unlessGiven, usage string, names ...string) *choice {
	c := &choice{unlessGiven, names}
	cmd.Flags().Var(c, flag, usage+": `"+strings.Join(names, "|")+"`")
	return c
}

// A format is the value of --format.
type format struct{ *choice }

// addFormatFlag adds --format with text, json and possibly others.
func addFormatFlag(cmd *cobra.Command, others ...string) *format {
	return &format{addChoiceFlag(cmd, "format", "text", "how to print the result", append([]string{"text", "json"}, others...)...)}
}

// String, Set and Type implement [github.com/spf13/pflag.Value].
func (c *choice) String() string { return c.name }
func (c *choice) Type() string   { return "name" }

// Set implements [github.com/spf13/pflag.Value].
func (c *choice) Set(name string) error {
	if !slices.Contains(c.names, name) {
		return fmt.Errorf("must be one of %s", strings.Join(c.names, ", "))
	}
	c.name = name
	return nil
}

func (f *format) isJSON() bool { return f.name == "json" }

// writeJSON prints a value on several lines, without HTML's escapes, and without anything that a
// terminal may take for a command: names come from anybody.
func writeJSON(w io.Writer, value any) error {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return err
	}
	_, err := w.Write(printable(buf.Bytes()))
	return err
}

// printable escapes what is not printable in the strings of a JSON text, which has it nowhere else.
func printable(text []byte) []byte {
	safe := func(r rune) bool { return r == '\n' || unicode.IsPrint(r) }
	if bytes.IndexFunc(text, func(r rune) bool { return !safe(r) }) < 0 {
		return text
	}
	var escaped []byte
	for _, r := range string(text) {
		if safe(r) {
			escaped = utf8.AppendRune(escaped, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	return escaped
}
