package integration

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/lowendinsight/lei-go/leioci"
)

// The media types of an LEI artifact, as documented for users of other clients.
const (
	configType   = "application/vnd.lei.cache.config.v1+json"
	manifestType = "application/vnd.lei.cache.manifest+json"
	cacheType    = "application/vnd.lei.cache.jsonl+gzip"
)

// toolPush is one way in which a client pushes the sample to a registry. push returns the digest
// that the client reports.
type toolPush struct {
	tool, how string
	push      func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (digest string, err error)
}

func toolPushes() []toolPush {
	return []toolPush{
		{"crane", "an OCI layout", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			out, err := tl.run(ctx, "", "push", sampleLayout(ctx, t), ref.String())
			return digestOf(out), err
		}},
		{"crane", "a copy with one more annotation", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			from := ref.Context().Tag("crane-from")
			if _, err := tl.run(ctx, "", "push", sampleLayout(ctx, t), from.String()); err != nil {
				return "", err
			}
			out, err := tl.run(ctx, "", "mutate", "--annotation", "org.example.extra=yes", "--tag", ref.String(), from.String())
			return digestOf(out), err
		}},
		{"oras", "config, titles, annotations", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			return tl.run(ctx, sampleFiles(t), "push", "--format", "go-template={{.digest}}", "--config", "config.json:"+configType,
				"--annotation", "org.opencontainers.image.vendor=Example", "--annotation", "org.example.extra=yes",
				ref.String(), "manifest.json:"+manifestType, "cache.jsonl.gz:"+cacheType)
		}},
		{"oras", "artifactType, empty config, other order", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			return tl.run(ctx, sampleFiles(t), "push", "--format", "go-template={{.digest}}", "--artifact-type", "application/vnd.lei.cache",
				ref.String(), "cache.jsonl.gz:"+cacheType, "config.json:application/json", "manifest.json:"+manifestType)
		}},
		{"oras", "image-spec 1.0", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			return tl.run(ctx, sampleFiles(t), "push", "--format", "go-template={{.digest}}", "--image-spec", "v1.0", "--artifact-type", configType,
				ref.String(), "manifest.json:"+manifestType, "cache.jsonl.gz:"+cacheType)
		}},
		{"regctl", "config, titles, annotations", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			return tl.run(ctx, sampleFiles(t), "artifact", "put", "--format", "{{.Manifest.GetDescriptor.Digest}}",
				"--config-type", configType, "--config-file", "config.json", "--annotation", "org.example.extra=yes", "--file-title",
				"--file", "manifest.json", "--file-media-type", manifestType, "--file", "cache.jsonl.gz", "--file-media-type", cacheType, ref.String())
		}},
		{"regctl", "artifactType, empty config, other order", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			return tl.run(ctx, sampleFiles(t), "artifact", "put", "--format", "{{.Manifest.GetDescriptor.Digest}}",
				"--artifact-type", "application/vnd.lei.cache",
				"--file", "cache.jsonl.gz", "--file-media-type", cacheType, "--file", "manifest.json", "--file-media-type", manifestType, ref.String())
		}},
		{"skopeo", "an OCI layout", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			file := filepath.Join(t.TempDir(), "digest")
			_, err := tl.run(ctx, "", "copy", "--preserve-digests", "--digestfile", file, "oci:"+sampleLayout(ctx, t), "docker://"+ref.String())
			if err != nil {
				return "", err
			}
			return string(readFile(t, file)), nil
		}},
		{"skopeo", "a copy between repositories", func(ctx context.Context, t testing.TB, tl *tool, ref name.Tag) (string, error) {
			from, file := tl.repository(t).Tag("from"), filepath.Join(t.TempDir(), "digest")
			if _, err := tl.run(ctx, "", "copy", "oci:"+sampleLayout(ctx, t), "docker://"+from.String()); err != nil {
				return "", err
			}
			_, err := tl.run(ctx, "", "copy", "--preserve-digests", "--digestfile", file, "docker://"+from.String(), "docker://"+ref.String())
			if err != nil {
				return "", err
			}
			return string(readFile(t, file)), nil
		}},
	}
}

// sampleFiles copies the sample to a temporary directory for a client to run in.
func sampleFiles(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sampleLayout writes the sample as an OCI layout.
func sampleLayout(ctx context.Context, t testing.TB) string {
	t.Helper()
	img, err := leioci.Package(ctx, sampleDir)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	return dir
}

// digestOf returns what follows the last @ in a client's output.
func digestOf(out string) string { return out[strings.LastIndex(out, "@")+1:] }
