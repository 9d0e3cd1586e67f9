package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// noticesFile has the licenses of everything that is compiled in. Most ask for that.
const noticesFile = "THIRD_PARTY_LICENSES"

// modules returns the modules that the builds were compiled of, other than the main one, each once.
func (r release) modules() []*debug.Module {
	found := map[string]*debug.Module{}
	for _, b := range r.builds {
		for _, m := range b.info.Deps {
			found[m.Path] = m
		}
	}
	var all []*debug.Module
	for _, m := range found {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *debug.Module) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// notices collects the licenses of Go and of all modules that are compiled in.
func (r release) notices(ctx context.Context) (file, error) {
	var text bytes.Buffer
	root, err := output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return file{}, err
	}
	if err := appendLicenses(&text, "Go, its runtime and standard library", strings.TrimSpace(string(root))); err != nil {
		return file{}, err
	}
	for _, m := range r.modules() {
		described, err := output(ctx, "go", "mod", "download", "-json", m.Path+"@"+m.Version)
		if err != nil {
			return file{}, err
		}
		var module struct{ Dir, Sum string }
		if err := json.Unmarshal(described, &module); err != nil {
			return file{}, err
		}
		if module.Sum != m.Sum {
			return file{}, fmt.Errorf("%s %s: the binaries have %s, the module cache has %s", m.Path, m.Version, m.Sum, module.Sum)
		}
		if err := appendLicenses(&text, m.Path+" "+m.Version, module.Dir); err != nil {
			return file{}, err
		}
	}
	return file{path: noticesFile, mode: 0o644, content: text.Bytes()}, nil
}

// appendLicenses appends the files of a module that are called after licenses and notices. There
// must be one.
func appendLicenses(text *bytes.Buffer, of, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		base, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		if e.IsDir() || !slices.Contains([]string{"LICENSE", "LICENCE", "UNLICENSE", "COPYING", "NOTICE", "PATENTS"}, base) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "==== %s: %s\n\n%s\n\n", of, e.Name(), bytes.TrimSpace(content))
		found = true
	}
	if !found {
		return fmt.Errorf("no license in %s, the directory of %s", dir, of)
	}
	return nil
}

// output runs a program outside of any module and returns what it prints.
func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = os.TempDir()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return out, nil
}
