package repository

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// A runner runs the action's scripts like GitHub's, in an environment of its own. Restoring and saving
// the cache are not run: the snapshot of the last run is simply still there.
type runner struct {
	action action
	temp   string
}

type action struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Steps []struct {
			ID, Run string
			Env     map[string]string
		}
	}
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(actionDir(t), "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{temp: t.TempDir()}
	if err := yaml.Unmarshal(text, &r.action); err != nil {
		t.Fatal(err)
	}
	return r
}

func actionDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(github, "actions/leioci-check"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A result is what the action printed and its outputs.
type result struct {
	log     string
	failed  bool
	outputs map[string]string
}

// run runs the action with inputs.
func (r *runner) run(t *testing.T, inputs map[string]string) result {
	t.Helper()
	values := map[string]string{}
	for name, input := range r.action.Inputs {
		values["inputs."+name] = input.Default
	}
	for name, value := range inputs {
		if _, ok := r.action.Inputs[name]; !ok {
			t.Fatalf("there is no input %s", name)
		}
		values["inputs."+name] = value
	}
	res := result{outputs: map[string]string{}}
	var log bytes.Buffer
	for _, step := range r.action.Runs.Steps {
		if step.Run == "" {
			continue
		}
		var env []string
		for name, value := range step.Env {
			env = append(env, name+"="+evaluate(value, values))
		}
		var err error
		for name, value := range r.step(t, &log, step.Run, env, &err) {
			values["steps."+step.ID+".outputs."+name] = value
		}
		if res.failed = err != nil; res.failed {
			break
		}
	}
	for name, output := range r.action.Outputs {
		res.outputs[name] = evaluate(output.Value, values)
	}
	res.log = log.String()
	return res
}

// step runs the script of a step and returns its outputs.
func (r *runner) step(t *testing.T, log *bytes.Buffer, script string, env []string, failure *error) map[string]string {
	t.Helper()
	file := filepath.Join(r.temp, "output")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir = r.temp
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = slices.Concat(os.Environ(), env, []string{
		"DOCKER_CONFIG=" + r.temp, "RUNNER_TEMP=" + r.temp, "RUNNER_OS=Linux", "GITHUB_OUTPUT=" + file,
		"GITHUB_ACTION_PATH=" + actionDir(t),
	})
	*failure = cmd.Run()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		outputs[name] = value
	}
	return outputs
}

var expression = regexp.MustCompile(`\$\{\{ (.*?) \}\}`)

// evaluate replaces expressions, which are names of values, or several of which the first counts that
// is not empty.
func evaluate(text string, values map[string]string) string {
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		for name := range strings.SplitSeq(expression.FindStringSubmatch(e)[1], " || ") {
			if value := values[name]; value != "" {
				return value
			}
		}
		return ""
	})
}

// push publishes a snapshot with one repository of low and one of critical risk.
func (r *runner) push(t *testing.T, ref string) string {
	t.Helper()
	reports := strings.Join([]string{
		`{"data":{"repo":"https://github.com/org/low","risk":"low"}}`,
		`{"data":{"repo":"https://github.com/org/critical","risk":"critical"}}`,
	}, "\n") + "\n"
	cmd := exec.CommandContext(t.Context(), filepath.Join(r.temp, "leioci-check/bin/leioci"),
		"export", "--input=-", "--output="+filepath.Join(t.TempDir(), "lei"), "--push="+ref)
	cmd.Stdin = strings.NewReader(reports)
	cmd.Env = []string{"HOME=" + r.temp, "DOCKER_CONFIG=" + r.temp}
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("%v: %s", err, exit.Stderr)
	}
	return string(out)
}
