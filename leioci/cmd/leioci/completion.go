package main

import (
	"github.com/spf13/cobra"
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

// A completer completes an argument or the value of a flag.
type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completeDirs completes as many arguments as may be directories. Of registries, nothing is completed:
// that would ask them.
func completeDirs(most int) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

// completeFlags says which flags name directories, and which nothing that a shell knows. The others
// name files.
func completeFlags(cmd *cobra.Command, dirs, others []string) {
	for _, flag := range dirs {
		_ = cmd.MarkFlagDirname(flag) // it is there
	}
	for _, flag := range others {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions) // the same
	}
}
