package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file is a file of an archive or of the image. One with a path that ends in a slash is a
// directory.
type file struct {
	path    string
	mode    fs.FileMode // permissions, and [fs.ModeSticky]
	owner   int
	content []byte
}

// filesIn reads all files below a directory, sorted by path. Their modes are not read: they depend on
// the umask of who made them.
func filesIn(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		files = append(files, file{path: filepath.ToSlash(rel), mode: 0o644, content: content})
		return err
	})
	return files, err
}

// writeArchives writes an archive for each build: zip for Windows, else tar.gz.
func (r release) writeArchives() error {
	for _, b := range r.builds {
		files := []file{{path: b.program(), mode: 0o755, content: b.binary}}
		files = append(files, r.extra...)
		for i := range files {
			files[i].path = path.Join(b.name(), files[i].path)
		}
		slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
		write, ext := writeTarGz, ".tar.gz"
		if b.os == "windows" {
			write, ext = writeZip, ".zip"
		}
		var archive bytes.Buffer
		if err := write(&archive, files, r.created); err != nil {
			return err
		}
		if err := r.write(b.name()+ext, archive.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// write writes a file of the release.
func (r release) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

func writeTarGz(w io.Writer, files []file, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := writeTar(z, files, at); err != nil {
		return err
	}
	return z.Close()
}

func writeTar(w io.Writer, files []file, at time.Time) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.path, Size: int64(len(f.content)),
			Mode: int64(f.mode.Perm()), Uid: f.owner, Gid: f.owner, ModTime: at, Format: tar.FormatUSTAR,
		}
		if strings.HasSuffix(f.path, "/") {
			h.Typeflag = tar.TypeDir
		}
		if f.mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeZip(w io.Writer, files []file, at time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: at}
		h.SetMode(f.mode)
		entry, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.content); err != nil {
			return err
		}
	}
	return z.Close()
}
