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
		Short: "Say where credentials come from",
		Args:  unknownCommand,
		RunE:  func(*cobra.Command, []string) error { return nil }, // as for the root

		DisableFlagsInUseLine: true,
	}
	cmd.AddCommand(newAuthExplain(env))
	return cmd
}

func newAuthExplain(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "explain REF",
		Short: "Say which credentials are used for a reference, and why",
		Long: `Print every place where credentials for REF are looked for, in order, with what is there: the entry
that matches, the credential helper, the user name. An asterisk marks the one that counts, and the last line repeats it.
No secret is printed. Credential helpers are run, those of later places too; the registry is not asked.`,
		Example: "  leioci auth explain ghcr.io/org/lei-cache",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(cmd.Context(), env, args[0])
		},
	}
}

func explain(ctx context.Context, env environment, s string) error {
	ref, err := leioci.ParseReference(s)
	if err != nil {
		return usageError{err}
	}
	findings := credential.Default(credential.Options{}).Explain(ctx, ref.Context())
	if ctx.Err() != nil { // then they say no more than that
		return fmt.Errorf("explain %s: %w", ref, context.Cause(ctx))
	}
	_, err = fmt.Fprint(env.stdout, explanation(ref.Context().Name(), env.getenv(tokenVariable) != "", findings))
	return err
}

// explanation is the text for a person.
func explanation(repository string, token bool, findings []credential.Finding) string {
	result := "used: none, access is anonymous"
	lines := []string{"  " + tokenVariable + ": not set"}
	if token {
		result = "used: " + tokenVariable
		lines[0] = "* " + tokenVariable + ": set"
	}
	for _, f := range findings {
		mark := "  "
		if f.Decides && !token {
			mark = "* "
			result = outcome(f)
		}
		lines = append(lines, mark+describe(f))
	}
	lines = append([]string{"credentials for " + repository + ", in the order of the places where they are looked for:"}, append(lines, result)...)
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	return strings.Join(lines, "\n") + "\n"
}

// describe says what one place has.
func describe(f credential.Finding) string {
	text := f.Place
	if f.Config != "" {
		text += ", " + f.Config
	}
	switch {
	case f.Err != nil:
		return text + ": fails: " + f.Err.Error()
	case f.Source != nil:
		return text + ": " + f.Source.Entry()
	case f.Present:
		return text + ": nothing for it"
	case f.Config != "":
		return text + ": not there"
	default:
		return text + ": not set"
	}
}

// outcome says what the place that decides leads to.
func outcome(f credential.Finding) string {
	if f.Err != nil {
		return "used: none, as the search ends where it fails"
	}
	return "used: " + f.Source.String()
}

// visible keeps what a configuration holds from moving the cursor.
func visible(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}
