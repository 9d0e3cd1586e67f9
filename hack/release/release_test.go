package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
)

// The tests make a release of this commit for one platform of the image.
var platform = "linux/" + runtime.GOARCH

func TestEveryReleaseOfACommitHasTheSameBytes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	first := makeRelease(t, dir, "TZ=Asia/Tokyo", "TMPDIR="+t.TempDir(), "GOFLAGS=-tags=other", "GOAMD64=v2")
	old := filepath.Join(dir, "leioci_0.0.1_image.tar") // of an earlier release
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := makeRelease(t, dir, append(peculiar(t), "TZ=America/New_York")...)
	if len(second) != 4 {
		t.Errorf("files %v, want an archive, an SBOM, an image and the sums", names(second))
	}
	for name := range second {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}

	t.Run("the sums are those of the files", func(t *testing.T) { checkSums(t, first) })
	t.Run("the archive is whole", func(t *testing.T) { checkArchive(t, find(t, first, ".tar.gz")) })
	t.Run("the SBOM has what the binary is made of", func(t *testing.T) {
		checkSBOM(t, find(t, first, ".spdx.json"), binaryOf(t, find(t, first, ".tar.gz")))
	})
	t.Run("the image runs", func(t *testing.T) { checkImage(t, find(t, first, "_image.tar")) })
}

// peculiar is what a user's environment may say to git and Go, and what must not matter.
func peculiar(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"config": "[core]\n\tautocrlf = true\n\tattributesFile = " + filepath.Join(dir, "attributes") +
			"\n[log]\n\tshowSignature = true\n[init]\n\ttemplateDir = " + filepath.Join(dir, "template") + "\n",
		"attributes":                "* text eol=crlf\n",
		"template/info/attributes":  "* text eol=crlf\n",
		"a [temporary] directory/x": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"GIT_CONFIG_GLOBAL=" + filepath.Join(dir, "config"), "TMPDIR=" + filepath.Join(dir, "a [temporary] directory"),
		"GIT_DIR=" + dir, "GO_EXTLINK_ENABLED=1", "GO111MODULE=off", "GODEBUG=x509sha1=1", "GOROOT=" + dir, "CDPATH=/",
	}
}

func TestADirectoryThatIsNoReleaseIsLeftAlone(t *testing.T) {
	for _, names := range [][]string{
		{"mine"},
		{"leioci_notes.txt"},
		{"SHA256SUMS", "mine"}, // somebody else's sums
		{"SHA256SUMS", ".hidden"},
		{"SHA256SUMS", "leioci_0.0.1_image.tar", "more/mine"},
	} {
		dir := t.TempDir()
		for _, name := range names {
			mine := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(mine), 0o700), os.WriteFile(mine, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.CommandContext(t.Context(), "../release.sh", "-p", platform, "-o", dir).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "left alone") {
			t.Errorf("%v: %v, %s", names, err, out)
		}
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAShallowCloneThatDoesNotSayItsVersionIsRefused(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	clone, dir := filepath.Join(t.TempDir(), "clone"), filepath.Join(t.TempDir(), "dist")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", "--no-tags", "--depth=1", "file://"+root, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(clone, "hack/release.sh"), "-p", platform, "-o", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "shallow") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAZipArchiveOfTheSameFilesIsTheSame(t *testing.T) {
	files := []file{{path: "a/leioci.exe", mode: 0o755, content: []byte("binary")}, {path: "a/LICENSE", mode: 0o644}}
	var first, second bytes.Buffer
	at := time.Date(2026, 2, 8, 1, 2, 4, 0, time.UTC)
	for w, at := range map[*bytes.Buffer]time.Time{&first: at, &second: at.In(time.FixedZone("", 3600)).UTC()} {
		if err := writeZip(w, files, at); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("they differ")
	}
	z, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if f := z.File[0]; f.Name != "a/leioci.exe" || f.Mode() != 0o755 || !f.Modified.Equal(at) {
		t.Errorf("first file %s, %v, %v", f.Name, f.Mode(), f.Modified)
	}
}

// makeRelease runs the script in an environment of its own and returns the files.
func makeRelease(t *testing.T, dir string, env ...string) map[string][]byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../release.sh", "-p", platform, "-o", dir)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func checkSums(t *testing.T, files map[string][]byte) {
	lines := strings.Split(strings.TrimSpace(string(files[sumsFile])), "\n")
	if len(lines) != len(files)-1 {
		t.Errorf("%d sums for %d files", len(lines), len(files)-1)
	}
	for _, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(files[name])); got != sum {
			t.Errorf("%s has digest %s, and the file says %s", name, got, sum)
		}
	}
}

func checkArchive(t *testing.T, archive []byte) {
	var got []string
	for name, content := range untarGz(t, archive) {
		_, name, _ = strings.Cut(name, "/")
		got = append(got, name)
		if len(content) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	for _, want := range []string{"leioci", "LICENSE", noticesFile, "completions/leioci.bash", "completions/leioci.zsh", "completions/leioci.fish", "completions/leioci.powershell", "man/man1/leioci.1", "man/man1/leioci-pull.1"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

func checkSBOM(t *testing.T, text, binary []byte) {
	doc, err := spdxjson.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[common.ElementID]bool{"DOCUMENT": true}
	versions := map[string]string{}
	for _, p := range doc.Packages {
		if ids[p.PackageSPDXIdentifier] {
			t.Errorf("%s is there twice", p.PackageSPDXIdentifier)
		}
		ids[p.PackageSPDXIdentifier] = true
		versions[p.PackageName] = p.PackageVersion
	}
	for _, r := range doc.Relationships {
		if !ids[r.RefA.ElementRefID] || !ids[r.RefB.ElementRefID] {
			t.Errorf("%s %s %s: one of them is not there", r.RefA.ElementRefID, r.Relationship, r.RefB.ElementRefID)
		}
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(info.Deps, &info.Main) {
		if versions[m.Path] != m.Version {
			t.Errorf("%s %s is %q in the SBOM", m.Path, m.Version, versions[m.Path])
		}
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(binary)); doc.Packages[0].PackageChecksums[0].Value != want {
		t.Error("the SBOM is not of this binary")
	}
}

func binaryOf(t *testing.T, archive []byte) []byte {
	t.Helper()
	for name, content := range untarGz(t, archive) {
		if path.Base(name) == "leioci" {
			return content
		}
	}
	t.Fatal("no binary in the archive")
	return nil
}

func untarGz(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func find(t *testing.T, files map[string][]byte, suffix string) []byte {
	t.Helper()
	for name, content := range files {
		if strings.HasSuffix(name, suffix) {
			return content
		}
	}
	t.Fatalf("no file *%s in %v", suffix, names(files))
	return nil
}

func names(files map[string][]byte) []string {
	var all []string
	for name := range files {
		all = append(all, name)
	}
	return all
}
