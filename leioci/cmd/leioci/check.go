package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

const checkHelp = `Decide whether repositories may be used, by what the snapshot says about them: the risk in the last
report on each, which is the newest. If reports spell the name of one differently, it is the worst of
the last report for each spelling.

` + sourceHelp + `

Repositories come from --repo, from lists (--repos: one on each line, with # comments), and from
CycloneDX SBOMs in JSON (--sbom): the vcs references of all components or, where a component has
none, its package URL if that is of GitHub, GitLab or Bitbucket. Each counts once, however its name
is written. FILE may be - for standard input, or a pipe.

A repository fails if its risk is that of --fail-on or worse. It fails, too, if it is unknown, which
means that the snapshot has no report on it, or if its risk is undetermined, which includes every
value that LEI does not give. A component of an SBOM that has neither a vcs reference nor such a
package URL is unknown. Most packages of npm, PyPI and others are like that, so make the SBOM with
vcs references, or give --unknown ignore: what is ignored is still listed and counted. If nothing at
all is named, that fails as unknown, too.

An indexed snapshot was verified when its index was made. Without an index, the snapshot is read and
verified as a whole, once for all repositories. Nothing is decided by one that is damaged: that is
status 4, whatever it says.

As JSON, these are the members format_version (1), snapshot (source, date, created, reports), fail_on,
unknown, undetermined, decision (pass, risk or undecided), counts (checked, failed, critical, high,
medium, low, undetermined, unknown, no_repository) and results (name, repo, kind, fails, reason, risk,
reports, file, line).

The exit status is 0 if nothing fails, 6 if a risk does, else 8 if something unknown or undetermined
does. A table, JSON or SARIF 2.1.0 with what fails goes to standard output, one sentence to standard
error.`

const checkExample = `  leioci check ./lei --repo https://github.com/org/project --repo git@github.com:org/other.git
  leioci check ghcr.io/org/lei-cache --max-age 2d --sbom bom.json --format sarif > lei.sarif
  go list -m -f '{{.Path}}' all | grep ^github.com/ | leioci check ./lei --repos - --fail-on critical`

func newCheck(env environment) *cobra.Command {
	var repos, lists, sboms []string
	var from *sourceFlags
	var rules rules
	var format *format
	cmd := &cobra.Command{
		Use:     "check DIR|REF [--repo URL...] [--repos FILE] [--sbom FILE]",
		Short:   "Fail if the risk of repositories is high or unknown",
		Long:    checkHelp,
		Example: checkExample,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(repos)+len(lists)+len(sboms) == 0 {
				return withUsage(cmd, errors.New("no repository given: want --repo, --repos or --sbom"))
			}
			list, err := gather(env, repos, lists, sboms)
			if err != nil {
				return err
			}
			return interruptible(cmd.Context(), func(ctx context.Context) error {
				return check(ctx, from, args[0], list, rules, format.name)
			})
		},
	}
	cmd.Flags().StringArrayVar(&repos, "repo", nil, "`URL` or other name of a repository; may be repeated")
	cmd.Flags().StringArrayVar(&lists, "repos", nil, "`FILE` with a repository on each line; may be repeated")
	cmd.Flags().StringArrayVar(&sboms, "sbom", nil, "CycloneDX SBOM in JSON, a `FILE`; may be repeated")
	rules.failOn = addChoiceFlag(cmd, "fail-on", kindHigh, "the least risk that fails", kindMedium, kindHigh, kindCritical)
	rules.unknown = addChoiceFlag(cmd, "unknown", "fail", "what to do about unknown repositories", "fail", "ignore")
	rules.undetermined = addChoiceFlag(cmd, "undetermined", "fail", "what to do about undetermined risks", "fail", "ignore")
	format = addFormatFlag(cmd, "sarif")
	from = addSourceFlags(cmd, env)
	return cmd
}

// check prints the decision about subjects, and returns a [decision] unless all may be used.
func check(ctx context.Context, from *sourceFlags, text string, list []subject, rules rules, format string) (err error) {
	s, err := from.open(ctx, text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	answers, err := ask(ctx, s.Snapshot, list)
	if err != nil {
		return err
	}
	c := checked{from: s, rules: rules, verdicts: rules.judge(list, answers)}
	write := map[string]func(*checked) error{
		"text":  func(c *checked) error { return c.writeTable(from.env.stdout) },
		"json":  func(c *checked) error { return writeJSON(from.env.stdout, c.document()) },
		"sarif": func(c *checked) error { return writeJSON(from.env.stdout, c.sarif()) },
	}
	if err := write[format](&c); err != nil {
		return err
	}
	sentence := c.sentence(time.Now())
	if status := c.status(); status != exitOK {
		return decision{status, errors.New(sentence)}
	}
	if from.network.quiet {
		return nil
	}
	_, err = fmt.Fprintln(from.env.stderr, sentence)
	return err
}

// unknownRepo is what package snapshot calls the repository of reports that name none. Nothing that
// is called so is what they are about.
const unknownRepo = "unknown"

// asks reports whether there is something to ask about a subject.
func (s subject) asks() bool { return s.canonical != "" && s.canonical != unknownRepo }

// ask asks about the subjects that have a repository. The answers are in the order of the subjects.
func ask(ctx context.Context, s *snapshot.Snapshot, list []subject) ([]snapshot.Answer, error) {
	var repos []string
	for _, one := range list {
		if one.asks() {
			repos = append(repos, one.canonical)
		}
	}
	found, err := s.VerifiedRisks(ctx, repos...)
	if err != nil {
		return nil, err
	}
	answers := make([]snapshot.Answer, len(list))
	for i, one := range list {
		if one.asks() {
			answers[i], found = found[0], found[1:]
		}
	}
	return answers, nil
}

// age describes the snapshot's date.
func (c *checked) age(now time.Time) string {
	return describeAge(&leioci.PullResult{Date: c.from.Metadata().Date}, now)
}
