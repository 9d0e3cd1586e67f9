package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addCompletion adds cobra's command completion, which prints scripts for shells.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Short = "Print a script that completes command lines in a shell"
		cmd.Long = `Print a script with which a shell completes the commands, flags and directories of leioci. The help of
each shell's command says where to put it.`
		cmd.Example = `  source <(leioci completion bash)
  leioci completion zsh > "${fpath[1]}/_leioci"
  leioci completion fish > ~/.config/fish/completions/leioci.fish`
		cmd.Args = unknownCommand // otherwise it prints its help and succeeds
		cmd.RunE = func(*cobra.Command, []string) error { return nil }
		for _, shell := range cmd.Commands() {
			shell.Short = "Print the script for " + shell.Name()
			shell.Args = arguments(cobra.NoArgs)
		}
	}
}

// completing reports whether a shell wants to know how a command line may go on.
func completing(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// completeValues lets shells complete the arguments and the values of flags of all commands below
// cmd.
func completeValues(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		completeValues(sub)
	}
	if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = completeArguments(strings.Fields(cmd.Use)[1:])
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { completeFlag(cmd, f) })
}

// completeArguments returns a completion of arguments by what the line of usage calls them. Of what
// is in registries, nothing is completed: that would ask them.
func completeArguments(names []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(names) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		switch name := names[len(args)]; {
		case name == "SRC", name == "DST":
			return nil, cobra.ShellCompDirectiveDefault // a file, perhaps
		case name == "A", name == "B", strings.Contains(name, "DIR"):
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag completes the values of a flag by what its usage calls them.
func completeFlag(cmd *cobra.Command, f *pflag.Flag) {
	complete := cobra.NoFileCompletions
	if c, ok := f.Value.(*choice); ok {
		complete = cobra.FixedCompletions(c.names, cobra.ShellCompDirectiveNoFileComp)
	}
	switch name, _ := pflag.UnquoteUsage(f); strings.ToLower(name) {
	case "file":
		return // which a shell completes by itself
	case "directory", "dir":
		_ = cmd.MarkFlagDirname(f.Name) // it is there
	default:
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // the same, and a flag may have one already
	}
}
