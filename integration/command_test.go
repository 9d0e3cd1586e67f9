package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommandWorksWithEachServerFromFlagsAndDockersConfiguration(t *testing.T) {
	leioci := buildCommand(t)
	eachServer(t, func(t *testing.T, r *registry) {
		env := environment{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "DOCKER_CONFIG=" + r.dockerConfig}
		flags, ref, out := r.flags(), r.repository(t).String(), filepath.Join(t.TempDir(), "out")
		pushed := env.must(t, "", leioci, append([]string{"push", sampleDir, ref}, flags...)...)
		for _, want := range []string{"pulled into", "up to date in"} {
			pulled, stderr, err := env.run(t.Context(), "", leioci, append([]string{"pull", ref, "-o", out}, flags...)...)
			if err != nil || pulled != pushed || !strings.Contains(stderr, want) {
				t.Errorf("%v: pushed %q, pulled %q, %q", err, pushed, pulled, stderr)
			}
		}
		assertSameFiles(t, sampleDir, out, "manifest.json", "cache.jsonl.gz")
	})
}

// flags are those of the command that reach the registry.
func (r *registry) flags() []string {
	switch {
	case r.caFile != "":
		return []string{"--ca-file", r.caFile}
	case r.plainHTTP:
		return []string{"--plain-http"}
	}
	return nil
}
