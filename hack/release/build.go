package main

import (
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// A build is a binary for one platform.
type build struct {
	os, arch string
	binary   []byte
	info     *debug.BuildInfo // as the Go tool recorded it in the binary
}

// program is the name of the binary in the archives and the image.
func (b build) program() string {
	if b.os == "windows" {
		return "leioci.exe"
	}
	return "leioci"
}

// name is what the files of a build are called, without an extension.
func (b build) name() string {
	return fmt.Sprintf("leioci_%s_%s_%s", fileVersion(b.info.Main.Version), b.os, b.arch)
}

// fileVersion is a version as it is in file names and tags, which have no plus sign.
func fileVersion(version string) string {
	return strings.ReplaceAll(strings.TrimPrefix(version, "v"), "+", "-")
}

// readBuilds reads the binaries in dir/OS_ARCH. All must be of one version.
func readBuilds(dir string) ([]build, error) {
	names, err := fs.Glob(os.DirFS(dir), "*_*/leioci*") // sorted, and dir is no pattern
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no binaries in %s", dir)
	}
	var builds []build
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		b, err := readBuild(path)
		if err != nil {
			return nil, err
		}
		if first := append(builds, b)[0].info.Main.Version; b.info.Main.Version != first {
			return nil, fmt.Errorf("%s is %s, and another binary is %s", path, b.info.Main.Version, first)
		}
		builds = append(builds, b)
	}
	return builds, nil
}

func readBuild(path string) (build, error) {
	var b build
	var err error
	b.os, b.arch, _ = strings.Cut(filepath.Base(filepath.Dir(path)), "_")
	if b.info, err = buildinfo.ReadFile(path); err != nil {
		return b, err
	}
	for key, want := range map[string]string{"GOOS": b.os, "GOARCH": b.arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
		if got := setting(b.info, key); got != want {
			return b, fmt.Errorf("%s was built with %s=%q, want %q", path, key, got, want)
		}
	}
	for _, m := range b.info.Deps {
		if m.Replace != nil { // its license and its entry in the SBOM would be another's
			return b, fmt.Errorf("%s was built with %s replaced", path, m.Path)
		}
	}
	if setting(b.info, "vcs.revision") == "" {
		return b, fmt.Errorf("%s has no revision: build it in a git checkout, with -buildvcs=true", path)
	}
	b.binary, err = os.ReadFile(path)
	return b, err
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
