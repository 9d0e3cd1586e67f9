package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownCommand rejects a command line without a known command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	help := "see " + cmd.CommandPath() + " --help"
	if len(args) == 0 {
		return usageError{errors.New("no command given; " + help)}
	}
	if args[0] == "login" || args[0] == "logout" {
		return usageError{fmt.Errorf("no command %s: use that of docker, podman or crane; leioci auth explain says what they stored", args[0])}
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	switch near := nearest(args[0], names); near {
	case "":
	case args[0]:
		return usageError{fmt.Errorf("write %s without -- before it", near)}
	default:
		return usageError{fmt.Errorf("unknown command %.40q; did you mean %q?", args[0], near)}
	}
	return usageError{fmt.Errorf("unknown command %.40q; %s", args[0], help)}
}

// withNearestFlag adds to the error for an unknown flag the one that may be meant.
func withNearestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}

// nearest returns the name that somebody meant who wrote it with at most two mistakes, or who wrote
// its beginning; or "" if there is none.
func nearest(written string, names []string) string {
	const most = 2
	best, least := "", most+1
	for _, name := range names {
		mistakes := distance(strings.ToLower(written), name)
		if len(written) >= most && strings.HasPrefix(name, strings.ToLower(written)) {
			mistakes = min(mistakes, most)
		}
		if mistakes < least && mistakes < len(name)-1 {
			best, least = name, mistakes
		}
	}
	return best
}

// distance is how many bytes were left out, added, replaced or exchanged with the next one (the
// optimal string alignment distance). cobra's own counts two for an exchange: "puhs" would be as far
// from push as from pull.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a)
	}
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
