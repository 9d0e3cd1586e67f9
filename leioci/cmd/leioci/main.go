// Command leioci makes LEI snapshots of reports, moves them to and from OCI registries, and answers
// questions about them.
//
//	leioci export --input FILE|- [-o DIR] [--push REF...]
//	leioci push DIR REF [REF...]
//	leioci pull REF [-o DIR]
//	leioci import DIR
//	leioci verify DIR|REF
//	leioci check DIR|REF [--repo URL...] [--repos FILE] [--sbom FILE]
//	leioci diff A B
//	leioci serve DIR|LOCATION [--listen ADDR]
//	leioci tags REPO
//	leioci inspect REF|DIR
//	leioci copy SRC DST
//	leioci auth explain REF
//	leioci version
//
// Results go to standard output, everything else to standard error. The exit statuses are in exit.go.
// LEI_REGISTRY_TOKEN is a bearer token for the registry that the references name. Without it, the
// command uses the credentials of docker and podman.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], environment{os.Getenv, os.Stdin, os.Stdout, os.Stderr}))
}

// environment is what the command takes from its process. Tests replace it.
type environment struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run executes a command line and returns the exit status.
func run(ctx context.Context, args []string, env environment) int {
	results := &resultWriter{to: env.stdout}
	env.stdout = results
	cmd := newRoot(env)
	if completing(args) { // which is the only time when it is needed
		completeValues(cmd)
	}
	cmd.SetArgs(args)
	cmd.SetErr(env.stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		err = results.err
	}
	if err != nil {
		err = withoutWorkingDir(err)
		fmt.Fprintln(env.stderr, "leioci: "+describeError(err))
	}
	return exitStatus(err)
}

func newRoot(env environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "leioci",
		Short: "Make, push, pull and ask LowEndInsight snapshots",
		Long: `leioci makes LowEndInsight (LEI) snapshots of reports, pushes them to OCI registries, pulls them
back, verified, and says what is in them.

Results go to standard output, everything else to standard error. The exit status is

` + exitHelp + `

` + formatHelp + `

Credentials are those of docker and podman. LEI_REGISTRY_TOKEN, if set, is a bearer token for the
registry that the references name, and is sent to no other. LEI_TRUSTED_KEYS and LEI_POLICY say whose
signatures pull, copy, verify, check and diff ask for; other commands ask for none.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // RunE rejects them

		DisableFlagsInUseLine: true,
	}
	// Cobra's own flag takes a template for this output. The linker then keeps package text/template
	// and, because templates call methods by name, every exported method of every type: 2 MB.
	asksVersion := root.Flags().BoolP("version", "v", false, "version for leioci")
	root.RunE = func(cmd *cobra.Command, args []string) error { // without one, cobra prints help and succeeds
		if *asksVersion {
			return printVersion(env)
		}
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args)
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newPush(env), newPull(env), newVersion(env))
	root.AddCommand(newAuth(env), newTags(env), newInspect(env), newCopy(env), newServe(env))
	root.AddCommand(newCheck(env), newDiff(env))
	root.AddCommand(newExport(env), newImport(env), newVerify(env))
	root.SetOut(env.stdout) // before what remembers it
	root.SetHelpCommand(newHelp())
	addCompletion(root)
	addMan(root)
	return root
}

// usageError is an invalid command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// withUsage returns a usageError with the correct usage of the command.
func withUsage(cmd *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
}

// flagError explains an invalid flag. Where the flag's type did not say in its own words what it
// wants, the error is one of package strconv or time, which say in which of their functions they
// are.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return withUsage(cmd, withNearestFlag(cmd, err))
	}
	want := map[string]string{"int": "a whole number", "bool": "true or false", "duration": "a number with its unit, such as 30s or 2m"}
	flag, cause := invalid.GetFlag(), errors.Unwrap(err)
	if _, own := flag.Value.(*days); own || cause == nil || want[flag.Value.Type()] == "" {
		return withUsage(cmd, err)
	}
	return withUsage(cmd, fmt.Errorf("--%s %q: want %s", flag.Name, invalid.GetValue(), want[flag.Value.Type()]))
}

// arguments wraps a check of the number of arguments so that its errors say which is one too many, or
// how few there are, and show the usage.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		for n, arg := range args {
			if check(cmd, args[:n]) == nil {
				return withUsage(cmd, fmt.Errorf("unexpected argument %.40q", arg))
			}
		}
		if len(args) == 0 {
			return withUsage(cmd, errors.New("no argument given"))
		}
		return withUsage(cmd, fmt.Errorf("only %s given", count(int64(len(args)), "argument")))
	}
}
