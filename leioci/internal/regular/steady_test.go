package regular_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

var errChanged = errors.New("changed")

// newSteady opens a file, and touches it after its verification.
func newSteady(t *testing.T, content string) (s *regular.Steady, touch func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, content)
	f, info, err := regular.Open(path)
	must(t, err)
	t.Cleanup(func() { must(t, f.Close()) })
	later := info.ModTime()
	return &regular.Steady{File: f, Then: info, Changed: errChanged}, func() {
		later = later.Add(time.Second)
		must(t, os.Chtimes(path, later, later))
	}
}

func TestAFileThatWasTouchedIsReadOnIfItIsRight(t *testing.T) {
	s, touch := newSteady(t, "content")
	var looks atomic.Int32
	s.Again = func() (fs.FileInfo, error) {
		looks.Add(1)
		return s.File.Stat()
	}
	touch()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			if got, err := io.ReadAll(io.NewSectionReader(s, 0, 7)); string(got) != "content" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	readers.Wait()
	if n := looks.Load(); n == 0 || n > 4 {
		t.Errorf("it was verified %d times", n)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func TestAFileThatWasTouchedIsNotReadOnOtherwise(t *testing.T) {
	wrong := errors.New("wrong")
	for name, tc := range map[string]struct {
		again func(*regular.Steady) func() (fs.FileInfo, error)
		want  error
	}{
		"nobody verifies it": {func(*regular.Steady) func() (fs.FileInfo, error) { return nil }, errChanged},
		"it is wrong": {func(*regular.Steady) func() (fs.FileInfo, error) {
			return func() (fs.FileInfo, error) { return nil, wrong }
		}, wrong},
		"it changes all the time": {func(s *regular.Steady) func() (fs.FileInfo, error) {
			then := s.Then
			return func() (fs.FileInfo, error) { return then, nil }
		}, errChanged},
	} {
		s, touch := newSteady(t, "content")
		s.Again = tc.again(s)
		touch()
		if n, err := s.ReadAt(make([]byte, 7), 0); n != 0 || !errors.Is(err, tc.want) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if err := s.Check(); !errors.Is(err, errChanged) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
