//go:build unix

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lowendinsight/lei-go/hack/bench/internal/artifact"
	"github.com/lowendinsight/lei-go/hack/bench/internal/inprocess"
	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
	"github.com/lowendinsight/lei-go/hack/bench/internal/process"
	"github.com/lowendinsight/lei-go/hack/bench/internal/world"
)

// harness has what all scenarios share.
type harness struct {
	config
	dir       string // everything that is written, on a tmpfs where there is one
	home      string // a home directory without credentials
	launcher  measure.Launcher
	registry  *world.Registry
	programs  []program // least work first, then the peers, then each leioci
	artifacts map[int64]*artifact.Artifact
}

// newHarness builds what is to be measured, and starts the registry.
func newHarness(ctx context.Context, c config) (_ *harness, err error) {
	h := &harness{config: c, artifacts: map[int64]*artifact.Artifact{}}
	if h.dir, err = os.MkdirTemp(fastDisk(), "leioci-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	h.home = filepath.Join(h.dir, "home")
	for _, dir := range []string{h.home, filepath.Join(h.dir, "bin"), filepath.Join(h.dir, "registry")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := h.buildPrograms(ctx); err != nil {
		return nil, err
	}
	tool := filepath.Join(h.tools, "registry")
	h.registry, err = world.StartRegistry(ctx, tool, filepath.Join(h.dir, "registry"))
	return h, err
}

// fastDisk returns a directory in memory, so that the disk is not what is measured; or "", for the
// usual place of temporary files.
func fastDisk() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

func (h *harness) close() {
	if h.registry != nil {
		h.registry.Stop()
	}
	if err := os.RemoveAll(h.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// buildPrograms finds the peers and builds the others.
func (h *harness) buildPrograms(ctx context.Context) error {
	launch, err := h.build(ctx, ".", "./cmd/launch")
	if err != nil {
		return err
	}
	h.launcher = measure.Launcher(launch)
	least, err := h.build(ctx, ".", "./cmd/leastwork")
	if err != nil {
		return err
	}
	h.programs = []program{leastWorkProgram(least)}
	for _, peer := range []func(string) program{oras, crane, regctl} {
		p := peer("")
		path := filepath.Join(h.tools, p.name)
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w (make bench builds it)", err)
		}
		h.programs = append(h.programs, peer(path))
	}
	candidates := h.candidates
	if len(candidates) == 0 {
		path, err := h.build(ctx, filepath.Join("..", ".."), "./leioci/cmd/leioci")
		if err != nil {
			return err
		}
		candidates = []candidate{{"leioci", path}}
	}
	for _, c := range candidates {
		h.programs = append(h.programs, leioci(c.name, c.path))
	}
	return nil
}

// build builds a command as a release is built, and returns its path.
func (h *harness) build(ctx context.Context, module, pkg string) (string, error) {
	path := filepath.Join(h.dir, "bin", filepath.Base(pkg))
	cmd := process.Command(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", pkg, err, out)
	}
	return path, nil
}

// artifact returns an artifact of a size, which is made once.
func (h *harness) artifact(ctx context.Context, size int64) (*artifact.Artifact, error) {
	if a := h.artifacts[size]; a != nil {
		return a, nil
	}
	a, err := artifact.New(ctx, h.dir, size)
	if err == nil {
		h.artifacts[size] = a
	}
	return a, err
}

// newPlace returns a new repository at host.
func (h *harness) newPlace(host string) place {
	return place{host: host, repo: inprocess.NewRepository(), home: h.home}
}

// seed pushes an artifact to the registry itself, to be pulled by way of host.
func (h *harness) seed(ctx context.Context, a *artifact.Artifact, host string) (place, error) {
	p := h.newPlace(h.registry.Host)
	pusher := h.programs[len(h.programs)-1]
	if _, err := h.launcher.Run(ctx, pusher.command(a.Dir, p, pusher.push(a, p, "latest"))); err != nil {
		return place{}, err
	}
	p.host = host
	return p, nil
}

// writeCredentials writes a home directory with the credentials for host.
func (h *harness) writeCredentials(host string) (string, error) {
	home, err := os.MkdirTemp(h.dir, "home-")
	if err != nil {
		return "", err
	}
	auth := base64.StdEncoding.EncodeToString([]byte(world.User + ":" + world.Password))
	content, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"auth": auth}}})
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(home, ".docker"), 0o700); err != nil {
		return "", err
	}
	return home, os.WriteFile(filepath.Join(home, ".docker", "config.json"), content, 0o600)
}

// firstJudged returns the name of the first leioci.
func (h *harness) firstJudged() string {
	for _, p := range h.programs {
		if p.judged {
			return p.name
		}
	}
	return ""
}
