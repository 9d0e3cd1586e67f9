package regular

import (
	"io/fs"
	"os"
)

// A Steady file was verified, and is read from any offset as long as nobody writes to it. Somebody
// who sets back its time is not noticed.
type Steady struct {
	File *os.File
	Then fs.FileInfo // before the file was verified
	// Changed is the error for what is read after somebody has written to the file.
	Changed error
}

// Check returns an error if somebody has written to the file. It must follow the reading.
func (s *Steady) Check() error {
	now, err := s.File.Stat()
	if err != nil {
		return err
	}
	if !Unchanged(s.Then, now) {
		return s.Changed
	}
	return nil
}

// ReadAt implements [io.ReaderAt]. It vouches for what it returns.
func (s *Steady) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.File.ReadAt(p, offset)
	if checkErr := s.Check(); checkErr != nil {
		return 0, checkErr
	}
	return n, err
}
