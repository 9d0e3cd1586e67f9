package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// A File is one of the two files of an open [Snapshot], as it is on disk: for copying a snapshot to
// somewhere else, such as a registry, byte for byte. It remains the file that was opened, whatever
// becomes of its name, until the Snapshot is closed.
type File struct {
	path string // when it was opened, for errors
	name string
	file *os.File
	info fs.FileInfo
}

// Files returns the snapshot's files: manifest.json, then cache.jsonl.gz.
func (s *Snapshot) Files() []File { return []File{s.manifest, s.cache} }

// Name returns [ManifestFile] or [CacheFile].
func (f File) Name() string { return f.name }

// Info describes the file as it was when the Snapshot was opened.
func (f File) Info() fs.FileInfo { return f.info }

// Open returns a reader of the file, from its beginning, which does not disturb others. On Linux,
// with /proc, it is an [*os.File]. It does not notice what is written to the file after Open; see
// [File.Check]. The caller must close it, before the Snapshot. The errors are those of Check.
func (f File) Open() (io.ReadCloser, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if file, err := reopen(f.file); err == nil {
		return file, nil
	}
	return io.NopCloser(f.content()), nil
}

// Check returns nil if the file still has the size and the modification time that it had when the
// Snapshot was opened, and [ErrChanged] if not. The other errors are those of the file system, such
// as [fs.ErrClosed] after the Snapshot was closed.
func (f File) Check() error {
	now, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, stripPath(err))
	}
	if !regular.Unchanged(f.info, now) {
		return fmt.Errorf("%s: %w", f.path, ErrChanged)
	}
	return nil
}

// content returns a reader of as much as the file had when it was opened.
func (f File) content() io.Reader {
	if f.file == nil {
		return unopened{}
	}
	return io.NewSectionReader(f.file, 0, f.info.Size())
}

// unopened is the content of the files of a zero [Snapshot].
type unopened struct{}

func (unopened) Read([]byte) (int, error) {
	return 0, errUnopened
}

var errUnopened = errors.New("the snapshot was not opened with Open")
