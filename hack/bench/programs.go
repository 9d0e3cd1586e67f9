//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/lowendinsight/lei-go/hack/bench/internal/artifact"
	"github.com/lowendinsight/lei-go/hack/bench/internal/measure"
)

const leastWork = "least work"

// The media types of an LEI artifact.
const (
	configType   = "application/vnd.lei.cache.config.v1+json"
	manifestType = "application/vnd.lei.cache.manifest+json"
	cacheType    = "application/vnd.lei.cache.jsonl+gzip"
)

// place is a repository, and where the configuration of its clients is.
type place struct {
	host, repo string
	home       string // a home directory, with docker's configuration if there are credentials
}

func (p place) ref(tag string) string { return p.host + "/" + p.repo + ":" + tag }

// program is a client to measure. Each command line uses its default flags.
type program struct {
	name, path string
	judged     bool // a leioci
	push       func(a *artifact.Artifact, p place, tag string) []string
	// more are the command lines that push the same under two more tags, as that client does it.
	// Nil: tags may be given to push, separated by commas.
	more func(a *artifact.Artifact, p place, tag string) [][]string
	pull func(p place, tag, out string) []string
}

// command returns a command line of the program. It runs where the snapshot's files are, with
// nothing of the user's environment that could change what it does.
func (p program) command(dir string, at place, args []string) measure.Command {
	return measure.Command{Path: p.path, Args: args, Dir: dir, Env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + at.home, "DOCKER_CONFIG=" + filepath.Join(at.home, ".docker"),
		"XDG_RUNTIME_DIR=" + at.home, "TMPDIR=" + os.TempDir(),
	}}
}

// threeTags are the tags of every artifact here, in the order in which leioci pushes them.
func threeTags() []string { return []string{"2026-02-08", "latest", "weekly"} }

func leastWorkProgram(path string) program {
	return program{
		name: leastWork, path: path,
		push: func(a *artifact.Artifact, p place, tag string) []string {
			return []string{"push", p.host, p.repo, tag, a.Dir}
		},
		pull: func(p place, tag, out string) []string { return []string{"pull", p.host, p.repo, tag, out} },
	}
}

// leioci does not verify before it pushes, because no other client does.
func leioci(name, path string) program {
	return program{
		name: name, path: path, judged: true,
		push: func(a *artifact.Artifact, p place, tag string) []string {
			if tag == strings.Join(threeTags(), ",") {
				return []string{"push", "--no-verify", a.Dir, p.host + "/" + p.repo}
			}
			return []string{"push", "--no-verify", a.Dir, p.ref(tag)}
		},
		pull: func(p place, tag, out string) []string { return []string{"pull", p.ref(tag), "-o", out} },
	}
}

// verified is leioci with its defaults: it reads all reports before it pushes.
func verified(p program) program {
	push := p.push
	p.name += verifiedSuffix
	p.push = func(a *artifact.Artifact, at place, tag string) []string {
		args := push(a, at, tag)
		return append([]string{args[0]}, args[2:]...)
	}
	return p
}

const verifiedSuffix = " verified"

func oras(path string) program {
	return program{
		name: "oras", path: path,
		push: func(_ *artifact.Artifact, p place, tag string) []string {
			return []string{
				"push", "--plain-http", "--config", "config.json:" + configType, p.ref(tag),
				"manifest.json:" + manifestType, "cache.jsonl.gz:" + cacheType,
			}
		},
		pull: func(p place, tag, out string) []string {
			return []string{"pull", "--plain-http", "-o", out, p.ref(tag)}
		},
	}
}

// crane pushes an OCI layout, whose digests it trusts. It has no command for files.
func crane(path string) program {
	return program{
		name: "crane", path: path,
		push: func(a *artifact.Artifact, p place, tag string) []string {
			return []string{"push", a.Layout, p.ref(tag)}
		},
		more: func(_ *artifact.Artifact, p place, tag string) [][]string {
			return [][]string{{"tag", p.ref(tag), threeTags()[1]}, {"tag", p.ref(tag), threeTags()[2]}}
		},
		pull: func(p place, tag, out string) []string { return []string{"pull", "--format=oci", p.ref(tag), out} },
	}
}

func regctl(path string) program {
	push := func(_ *artifact.Artifact, p place, tag string) []string {
		return []string{
			"artifact", "put", "--host", "reg=" + p.host + ",tls=disabled", "--config-type", configType, "--config-file", "config.json",
			"--file-title", "--file", "manifest.json", "--file-media-type", manifestType,
			"--file", "cache.jsonl.gz", "--file-media-type", cacheType, p.ref(tag),
		}
	}
	return program{
		name: "regctl", path: path, push: push,
		more: func(_ *artifact.Artifact, p place, tag string) [][]string {
			tls := "reg=" + p.host + ",tls=disabled"
			return [][]string{
				{"image", "copy", "--host", tls, p.ref(tag), p.ref(threeTags()[1])},
				{"image", "copy", "--host", tls, p.ref(tag), p.ref(threeTags()[2])},
			}
		},
		pull: func(p place, tag, out string) []string {
			return []string{"artifact", "get", "--host", "reg=" + p.host + ",tls=disabled", "--output", out, p.ref(tag)}
		},
	}
}
