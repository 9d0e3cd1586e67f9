// Command leioci pushes LEI snapshots to OCI registries and pulls them back.
//
//	leioci push DIR REF [REF...]
//	leioci pull REF [-o DIR]
//	leioci version
//
// Results go to standard output and everything else to standard error. The exit status is 0 on success, 1 on failure,
// with one line that says why, 2 on wrong usage, and 130 when it was interrupted. LEI_REGISTRY_TOKEN is a bearer token for the registry that the
// references name; without it, credentials are those of docker and podman.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], environment{os.Getenv, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// environment is what the command has from outside, so that a test can give it another.
type environment struct {
	getenv         func(string) string
	stdout, stderr io.Writer
}

// The exit statuses.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell says of a program that SIGINT ended
)

// run carries out a command line and returns the exit status.
func run(ctx context.Context, args []string, env environment) int {
	cmd := newRoot(env)
	cmd.SetArgs(args)
	cmd.SetOut(env.stdout)
	cmd.SetErr(env.stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		fmt.Fprintln(env.stderr, "leioci: interrupted; run it again to go on")
		return exitInterrupted
	}
	fmt.Fprintln(env.stderr, "leioci: "+oneLine(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func newRoot(env environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "leioci",
		Short: "Push and pull LowEndInsight snapshots",
		Long: `leioci pushes LowEndInsight (LEI) snapshots to OCI registries and pulls them back, verified.

Results go to standard output and everything else to standard error. The exit status is 0 on success,
1 on failure, 2 on wrong usage, and 130 when it was interrupted. Credentials are those of docker and podman; LEI_REGISTRY_TOKEN, if set,
is a bearer token for the registry that the references name, and is sent to no other.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(*cobra.Command, []string) error { return nil }, // without it, cobra would print help and succeed

		DisableFlagsInUseLine: true,
	}
	root.SetFlagErrorFunc(misused)
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newPush(env), newPull(env), newVersion(env))
	root.AddCommand(newAuth(env))
	return root
}

// unknownCommand is for a command line that names none of the commands.
func unknownCommand(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("no command given; leioci --help lists them")}
	}
	return usageError{fmt.Errorf("unknown command %q; leioci --help lists them", args[0])}
}

// usageError is a command line that cannot be carried out as it stands.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// misused says what is wrong with a command line, and how it should look.
func misused(cmd *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
}

// arguments checks how many arguments a command has.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return misused(cmd, err)
		}
		return nil
	}
}

// oneLine is a message without line breaks and without what a terminal would obey: registries may put either into theirs.
func oneLine(message string) string {
	visible := func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}
	return strings.Join(strings.Fields(strings.Map(visible, message)), " ")
}
