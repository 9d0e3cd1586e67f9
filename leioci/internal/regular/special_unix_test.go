//go:build unix

package regular_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// A pipe that were opened would wait for its other end: the test would hang.
func TestAPipeASocketAndADeviceAreRefusedBeforeTheyAreOpened(t *testing.T) {
	dir := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	must(t, os.Symlink("pipe", filepath.Join(dir, "link to a pipe")))
	t.Chdir(dir) // the path of a socket must be short
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "socket", Net: "unix"})
	must(t, err)
	defer l.Close() //nolint:errcheck // nobody is connected
	for _, name := range []string{"pipe", "link to a pipe", "socket"} {
		for how, open := range openers {
			refuses(t, how+" of the "+name, regular.ErrNotRegular, func() (*os.File, fs.FileInfo, error) { return open(dir, name) })
		}
	}
	refuses(t, "Open of a device", regular.ErrNotRegular, func() (*os.File, fs.FileInfo, error) { return regular.Open(os.DevNull) })
}

// Whatever the moment at which the name changes hands, what comes back is the file or a refusal.
func TestAFileThatIsReplacedWhileItIsOpenedIsNeverTakenForRegular(t *testing.T) {
	dir := t.TempDir()
	file, device, link := filepath.Join(dir, "file"), os.DevNull, filepath.Join(dir, "link")
	write(t, file, "content")
	point := func(to string) {
		_ = os.Remove(link + ".new") // there is none the first time
		must(t, os.Symlink(to, link+".new"))
		must(t, os.Rename(link+".new", link))
	}
	point(file)
	var exchanging sync.WaitGroup
	stop := make(chan struct{})
	exchanging.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			point(device)
			point(file)
		}
	})
	for range 2000 {
		f, info, err := regular.Open(link)
		if err != nil {
			continue // a refusal; the kinds are another test's
		}
		if actual, err := f.Stat(); err != nil || !actual.Mode().IsRegular() || !os.SameFile(actual, info) {
			t.Errorf("opened %v: %v", actual.Mode(), err)
		}
		must(t, f.Close())
	}
	close(stop)
	exchanging.Wait()
}
