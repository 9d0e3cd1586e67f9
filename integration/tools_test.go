package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// tool is a third-party client, set up for one registry.
type tool struct {
	*registry
	name, path string
	home       string
}

// toolNames lists the clients. All except skopeo are built into .bin.
func toolNames() []string { return []string{"crane", "oras", "regctl", "skopeo"} }

func newTool(t testing.TB, r *registry, name string) *tool {
	t.Helper()
	path, err := toolPath(name)
	if err != nil {
		skipUnavailable(t, err.Error())
	}
	return &tool{registry: r, name: name, path: path, home: t.TempDir()}
}

func toolPath(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", ".bin", name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	path, err = exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w; run hack/registry.sh install", err)
	}
	return path, nil
}

// run runs the client in dir. It hides the user's home, unless an external registry needs the
// credentials there.
func (tl *tool) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, tl.path, append(args, tl.plainHTTPFlags(args)...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + tl.home, "XDG_RUNTIME_DIR=" + tl.home, "TMPDIR=" + os.TempDir(),
		"COSIGN_PASSWORD=", // its keys have none
	}
	if tl.external && tl.dockerConfig == "" {
		cmd.Env = append(cmd.Env, "HOME="+os.Getenv("HOME"))
	}
	if tl.caFile != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+tl.caFile)
	}
	if tl.dockerConfig != "" {
		cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+tl.dockerConfig, "REGISTRY_AUTH_FILE="+filepath.Join(tl.dockerConfig, "config.json"))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s%s", tl.name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// plainHTTPFlags returns the flags that make the client use plain HTTP. crane does so without any.
func (tl *tool) plainHTTPFlags(args []string) []string {
	switch {
	case !tl.plainHTTP:
		return nil
	case tl.name == "oras" && args[0] == "cp":
		return []string{"--from-plain-http", "--to-plain-http"}
	case tl.name == "oras":
		return []string{"--plain-http"}
	case tl.name == "regctl":
		return []string{"--host", "reg=" + tl.host + ",tls=disabled"}
	case tl.name == "skopeo" && args[0] == "copy":
		return []string{"--src-tls-verify=false", "--dest-tls-verify=false"}
	}
	return nil
}

// pull fetches ref and compares the result with the snapshot in want and with its digest.
func (tl *tool) pull(ctx context.Context, t testing.TB, ref name.Tag, want string, digest name.Digest) error {
	out := filepath.Join(t.TempDir(), "out")
	var got string
	var err error
	switch tl.name {
	case "oras":
		_, err = tl.run(ctx, "", "pull", "--output", out, ref.String())
		if err == nil {
			got, err = tl.run(ctx, "", "resolve", ref.String())
		}
	case "regctl":
		if err := os.Mkdir(out, 0o755); err != nil {
			return err
		}
		_, err = tl.run(ctx, "", "artifact", "get", "--output", out, ref.String())
		if err == nil {
			got, err = tl.run(ctx, "", "manifest", "head", ref.String())
		}
	case "crane":
		_, err = tl.run(ctx, "", "pull", "--format=oci", ref.String(), out)
		if err == nil {
			got, err = tl.run(ctx, "", "digest", ref.String())
		}
	case "skopeo":
		file := filepath.Join(t.TempDir(), "digest")
		_, err = tl.run(ctx, "", "copy", "--preserve-digests", "--digestfile", file, "docker://"+ref.String(), "oci:"+out+":latest")
		if err == nil {
			got = string(readFile(t, file))
		}
	}
	if err != nil {
		return err
	}
	if got != digest.DigestStr() {
		return fmt.Errorf("%s sees %s under %s, want %s", tl.name, got, ref, digest)
	}
	return sameSnapshot(want, out)
}

// sameSnapshot compares the snapshot in want with what a client wrote: plain files or an OCI
// layout.
func sameSnapshot(want, got string) error {
	for _, f := range []string{"manifest.json", "cache.jsonl.gz"} {
		data, err := os.ReadFile(filepath.Join(want, f))
		if err != nil {
			return err
		}
		pulled, err := os.ReadFile(filepath.Join(got, f))
		if errors.Is(err, os.ErrNotExist) {
			pulled, err = os.ReadFile(filepath.Join(got, "blobs", "sha256", sha256Hex(data)))
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(data, pulled) {
			return fmt.Errorf("%s differs after the pull", f)
		}
	}
	return nil
}
