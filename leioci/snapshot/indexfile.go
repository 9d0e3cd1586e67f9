package snapshot

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// TempPrefix is what the names of the files begin with that [Index] writes to in the snapshot's
// directory before it has an index. One is left behind by a process that was killed, and may be
// deleted. Index deletes those that nobody has written to for a minute, or for a day where files
// cannot be locked, which is how it sees that a process has ended.
const TempPrefix = ".leioci-index-"

const (
	tempAge     = 24 * time.Hour
	unlockedAge = time.Minute // of a file that is not locked: it may be about to be
)

// An indexFile is an index that is being written, beside the one it replaces.
type indexFile struct {
	root  *os.Root
	name  string
	file  *os.File
	w     *bufio.Writer
	n     int64    // bytes written, or to be written by w
	spare []string // names of further files
	open  []*os.File
}

// newIndexFile creates a file for an index in root. It is as accessible as another file.
func newIndexFile(root *os.Root, like fs.FileInfo) (*indexFile, error) {
	sweep(root)
	f := &indexFile{root: root, name: TempPrefix + rand.Text()}
	var err error
	if f.file, err = root.OpenFile(f.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	_ = lock(f.file) // without, another process waits for a day
	f.w = bufio.NewWriterSize(f.file, 1<<20)
	if err = f.imitate(like); err == nil {
		err = f.write(make([]byte, headerBytes)) // an index only when seal has written it
	}
	if err != nil {
		f.discard()
		return nil, err
	}
	return f, nil
}

// imitate makes the file as accessible as another. It was made for its user alone, and stays so on a
// file system that refuses to set a mode, unless that has a mode of its own for all of its files.
func (f *indexFile) imitate(like fs.FileInfo) error {
	err := imitate(f.file, like)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// sweep removes what processes that were killed have left behind. Nothing depends on it.
func sweep(root *os.Root) {
	dir, err := root.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	for err == nil {
		var entries []fs.DirEntry // a few at a time: there may be any number
		entries, err = dir.ReadDir(256)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), TempPrefix) {
				continue
			}
			info, err := root.Lstat(e.Name())
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			age := time.Since(info.ModTime())
			if age > tempAge || age > unlockedAge && isAbandoned(root, e.Name()) {
				_ = root.Remove(e.Name())
			}
		}
	}
}

// isAbandoned reports whether whoever had locked a file has ended.
func isAbandoned(root *os.Root, name string) bool {
	f, _, err := regular.OpenIn(root, name)
	if err != nil {
		return false
	}
	defer f.Close()
	return lock(f) == nil
}

// scratch creates another file, which discard removes.
func (f *indexFile) scratch() (*os.File, error) {
	name := TempPrefix + rand.Text()
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if f.root.Remove(name) != nil { // no system that can remove an open file leaves one behind
		f.spare = append(f.spare, name)
	}
	f.open = append(f.open, file)
	return file, nil
}

func (f *indexFile) write(data []byte) error {
	n, err := f.w.Write(data)
	f.n += int64(n)
	return err
}

func (f *indexFile) flush() error { return f.w.Flush() }

// seal writes the details, and the header, without which the rest is nothing.
func (f *indexFile) seal(h header, d details) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if len(data) > maxDetailsBytes {
		return fmt.Errorf("metadata: %w of %d bytes", ErrTooLarge, maxDetailsBytes)
	}
	h.Details, h.Sum = span{f.n, int64(len(data))}, checksum(data)
	if err := errors.Join(f.write(data), f.flush()); err != nil {
		return err
	}
	h.Size = f.n
	if h.Digest, err = digestOf(context.Background(), io.NewSectionReader(f.file, headerBytes, h.Size-headerBytes)); err != nil {
		return err
	}
	head, err := h.encode()
	if err != nil {
		return err
	}
	_, err = f.file.WriteAt(head, 0)
	return errors.Join(err, f.file.Sync())
}

// commit makes the file the index.
func (f *indexFile) commit() error {
	if err := f.file.Close(); err != nil {
		return err
	}
	f.file = nil
	return f.root.Rename(f.name, IndexFile)
}

// discard removes whatever commit has not made the index.
func (f *indexFile) discard() {
	if f.file != nil {
		_ = f.file.Close()
	}
	_ = f.root.Remove(f.name) // absent after commit
	for _, file := range f.open {
		_ = file.Close()
	}
	for _, name := range f.spare {
		_ = f.root.Remove(name)
	}
}

// digestOf returns the SHA-256 of what r has.
func digestOf(ctx context.Context, r io.Reader) (digest [sha256.Size]byte, err error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, contextReader{ctx, r}); err != nil {
		return digest, err
	}
	return [sha256.Size]byte(hash.Sum(nil)), nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := contextErr(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
