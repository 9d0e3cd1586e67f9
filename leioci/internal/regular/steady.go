package regular

import (
	"io/fs"
	"os"
	"sync"
)

// mostAgain is how often a file is verified again while it is read.
const mostAgain = 10

// A Steady file was verified, and is read from any offset as long as it stays right. Somebody who
// writes to it without a change of its time, as who sets that back, is not noticed. It is safe for
// concurrent use.
type Steady struct {
	File *os.File
	Then fs.FileInfo // before it was verified
	// Again verifies the file once more, and returns what it was before that: a new time may be all
	// that has changed. It may be nil.
	Again func() (fs.FileInfo, error)
	// Changed is the error for what is read after somebody has written to the file.
	Changed error

	mu    sync.Mutex
	again int
}

// Check returns an error if somebody has written to the file, or touched it. It must follow the
// reading.
func (s *Steady) Check() error {
	unchanged, err := s.unchanged()
	if err == nil && !unchanged {
		err = s.Changed
	}
	return err
}

func (s *Steady) unchanged() (bool, error) {
	now, err := s.File.Stat()
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Unchanged(s.Then, now), nil
}

// ReadAt implements [io.ReaderAt]. It vouches for what it returns.
func (s *Steady) ReadAt(p []byte, offset int64) (int, error) {
	for {
		n, err := s.File.ReadAt(p, offset)
		unchanged, checkErr := s.unchanged()
		if checkErr == nil && unchanged {
			return n, err
		}
		if checkErr == nil {
			checkErr = s.verifyAgain()
		}
		if checkErr != nil {
			return 0, checkErr
		} // else it was right, and is read again: it may have been wrong in between
	}
}

func (s *Steady) verifyAgain() error {
	s.mu.Lock()
	s.again++
	tooOften := s.again > mostAgain
	s.mu.Unlock()
	if s.Again == nil || tooOften {
		return s.Changed
	}
	then, err := s.Again()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Then = then
	return nil
}
