package repository

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"sigs.k8s.io/yaml"
)

const github = "../../.github"

// A job's or an action's steps, as far as the tests look at them.
type steps []struct{ Run, Uses string }

type workflow struct {
	On          map[string]any
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       steps
	}
	Runs struct{ Steps steps } // of an action
}

func TestWorkflowsHaveNoErrors(t *testing.T) {
	var report bytes.Buffer
	linter, err := actionlint.NewLinter(&report, &actionlint.LinterOptions{Shellcheck: "shellcheck", LogWriter: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.LintRepository("../..")
	if err != nil || len(found) > 0 {
		t.Errorf("%v\n%s", err, &report)
	}
}

func TestActionsAreNamedByCommitAndVersion(t *testing.T) {
	uses := regexp.MustCompile(`(?m)^ *(?:- )?uses: (.*)$`)
	pinned := regexp.MustCompile(`^([a-z-]+/[a-z-]+)(?:/[a-z-]+)*@([0-9a-f]{40}) # (v[0-9]+\.[0-9]+\.[0-9]+)$`)
	commits := map[string]string{}
	for path, text := range files(t) {
		for _, found := range uses.FindAllStringSubmatch(text, -1) {
			parts := pinned.FindStringSubmatch(found[1])
			if parts == nil {
				t.Errorf("%s: uses %s, want OWNER/NAME@COMMIT # vX.Y.Z", path, found[1])
				continue
			}
			commit := parts[2] + " " + parts[3]
			if before, ok := commits[parts[1]]; ok && before != commit {
				t.Errorf("%s: %s is %s here, and %s elsewhere", path, parts[1], commit, before)
			}
			commits[parts[1]] = commit
		}
	}
	if len(commits) == 0 {
		t.Error("no actions found")
	}
}

func TestNoScriptContainsAnExpression(t *testing.T) {
	n := 0
	for path, w := range parsed(t) {
		all := []steps{w.Runs.Steps}
		for _, job := range w.Jobs {
			all = append(all, job.Steps)
		}
		for _, steps := range all {
			for _, step := range steps {
				n++
				if strings.Contains(step.Run, "${{") {
					t.Errorf("%s: an expression in a script, whose value becomes a part of it: %s", path, step.Run)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("%d steps found", n)
	}
}

func TestWorkflowsMayWriteNothingUnlessTheyRelease(t *testing.T) {
	for path, w := range parsed(t) {
		if w.Jobs == nil {
			continue
		}
		if w.Permissions == nil {
			t.Errorf("%s: no permissions at the top: jobs get the repository's default", path)
		}
		if _, ok := w.On["pull_request_target"]; ok {
			t.Errorf("%s: pull_request_target gives the rights of the repository to whoever opens a pull request", path)
		}
		push, _ := w.On["push"].(map[string]any)
		_, tags := push["tags"]
		released := len(w.On) == 1 && tags
		for name, job := range w.Jobs {
			for scope, right := range job.Permissions {
				if right != "read" && !released {
					t.Errorf("%s: job %s may %s %s", path, name, right, scope)
				}
			}
		}
		for scope, right := range w.Permissions {
			if right != "read" {
				t.Errorf("%s: every job may %s %s", path, right, scope)
			}
		}
	}
	for path, text := range files(t) {
		if strings.Contains(text, "secrets.") {
			t.Errorf("%s uses a secret", path)
		}
	}
}

// files returns the texts of the workflows and actions by path.
func files(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"workflows/*.yml", "actions/*/action.yml"} {
		paths, err := filepath.Glob(filepath.Join(github, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(text)
		}
	}
	return texts
}

func parsed(t *testing.T) map[string]workflow {
	t.Helper()
	all := map[string]workflow{}
	for path, text := range files(t) {
		var w workflow
		// In YAML 1.1, which this package reads, the key "on" is the value true.
		text = regexp.MustCompile(`(?m)^on:`).ReplaceAllString(text, `"on":`)
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[path] = w
	}
	return all
}
