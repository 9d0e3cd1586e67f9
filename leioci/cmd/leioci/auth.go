package main

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/internal/credential"
)

func newAuth(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Show where credentials come from",
		Args:  unknownCommand,
		RunE:  func(*cobra.Command, []string) error { return nil }, // otherwise cobra prints help and succeeds

		DisableFlagsInUseLine: true,
	}
	cmd.AddCommand(newAuthExplain(env))
	return cmd
}

func newAuthExplain(env environment) *cobra.Command {
	var format *format
	cmd := &cobra.Command{
		Use:   "explain REF",
		Short: "Show which credentials are used for a reference, and why",
		Long: `Print every place that is searched for credentials for REF, in order, with what it holds: the
matching entry, the credential helper, the user name. An asterisk marks the one that is used, and
the last line repeats it. REF is registry/repository, with a tag, a digest or neither.

As JSON, these are the members format_version (1), repository, used (a place, or empty if access is
anonymous) and places (place, file, state, detail and used). A state is found, no_match, absent,
unreachable or error; the lookup stops at the first error.

No secrets are printed. Credential helpers are run, including those of later places. The registry
is not contacted.`,
		Example: "  leioci auth explain ghcr.io/org/lei-cache\n  leioci auth explain --format json ghcr.io/org/lei-cache",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return explain(ctx, env, args[0], format)
			})
		},
	}
	format = addFormatFlag(cmd)
	return cmd
}

func explain(ctx context.Context, env environment, s string, f *format) error {
	ref, err := leioci.ParseReference(s)
	if err != nil {
		return usageError{err}
	}
	findings := credential.Default(credential.Options{}).Explain(ctx, ref.Context())
	if ctx.Err() != nil { // the findings would say nothing else
		return fmt.Errorf("explain %s: %w", ref, context.Cause(ctx))
	}
	repository, token := ref.Context().Name(), env.getenv(tokenVariable) != ""
	if f.isJSON() {
		return writeJSON(env.stdout, newAuthDocument(repository, token, findings))
	}
	_, err = fmt.Fprint(env.stdout, formatFindings(repository, token, findings))
	return err
}

// formatFindings returns the text to print.
func formatFindings(repository string, token bool, findings []credential.Finding) string {
	used := "used: none, access is anonymous"
	lines := []string{"  " + tokenVariable + ": not set"}
	if token {
		used = "used: " + tokenVariable
		lines[0] = "* " + tokenVariable + ": set"
	}
	for _, f := range findings {
		mark := "  "
		if f.Decides && !token {
			mark = "* "
			used = describeUsed(f)
		}
		lines = append(lines, mark+describe(f))
	}
	title := "credentials for " + repository + ", in the order they are looked up:"
	lines = append([]string{title}, append(lines, used)...)
	for i := range lines {
		lines[i] = replaceControl(lines[i])
	}
	return strings.Join(lines, "\n") + "\n"
}

// describe returns what one place holds.
func describe(f credential.Finding) string {
	text := f.Place
	if f.Config != "" {
		text += ", " + f.Config
	}
	switch {
	case f.Err != nil:
		return text + ": error: " + f.Err.Error()
	case f.Source != nil:
		return text + ": " + f.Source.Entry()
	case f.Unreachable != nil:
		return text + ": passed over: " + f.Unreachable.Error()
	case f.Present:
		return text + ": no matching entry"
	case f.Config != "":
		return text + ": no such file"
	default:
		return text + ": not set"
	}
}

// describeUsed returns the result of the place that decides.
func describeUsed(f credential.Finding) string {
	if f.Err != nil {
		return "used: none, because the lookup stops at the first error"
	}
	return "used: " + f.Source.String()
}

// replaceControl keeps text from a configuration file or the environment from moving the cursor,
// and from changing the order of what is printed.
func replaceControl(line string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line)
}
