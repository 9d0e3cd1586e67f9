package staging

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A lossyDisk carries out what it is told, and then fails it: a network file system whose server's
// reply was lost, and that found the name gone when it asked again.
type lossyDisk struct {
	osDisk
	err     error
	lost    string // the operation
	at      int    // and the how manieth of its kind is lost
	inSteps bool
	ops     int
}

func (d *lossyDisk) lose(op string, err error) error {
	if op != d.lost || err != nil {
		return err
	}
	if d.ops++; d.ops != d.at {
		return nil
	}
	return &os.PathError{Op: op, Path: "a path", Err: d.err}
}

func (d *lossyDisk) rename(from, to string) error {
	err := d.osDisk.rename(from, to)
	if !strings.Contains(from, ".leioci-staging-") && filepath.Base(from) != "target" {
		return err // a partial file
	}
	return d.lose("rename", err)
}

func (d *lossyDisk) exchange(a, b string) error {
	if d.inSteps {
		return errors.ErrUnsupported
	}
	return d.lose("exchange", d.osDisk.exchange(a, b))
}

func TestAnExchangeWhoseReplyIsLostIsNoFailure(t *testing.T) {
	for _, tc := range []struct {
		lost    string
		at      int
		inSteps bool
		old     content
	}{
		{"exchange", 1, false, oldContent},
		{"rename", 1, false, nil}, // to where nothing was
		{"rename", 1, true, oldContent},
		{"rename", 2, true, oldContent},
		{"rename", 3, true, oldContent},
	} {
		for _, err := range []error{syscall.ENOENT, syscall.EIO} {
			t.Run(fmt.Sprintf("%s %d, in steps: %v: %v", tc.lost, tc.at, tc.inSteps, err), func(t *testing.T) {
				target := filepath.Join(t.TempDir(), "parent", "target")
				if tc.old != nil {
					tc.old.write(t, target)
				}
				got := replace(t.Context(), &lossyDisk{err: err, lost: tc.lost, at: tc.at, inSteps: tc.inSteps}, target, newContent)
				holds := read(t, target)
				switch {
				case got == nil && maps.Equal(holds, newContent):
				case got != nil && maps.Equal(holds, tc.old):
				case got != nil && holds == nil && tc.inSteps: // the next puts it back
				default:
					t.Errorf("the target holds %q, and the error is %v", holds, got)
				}
				must(t, replace(t.Context(), osDisk{}, target, newerContent))
				if left := beside(t, target); left != nil {
					t.Errorf("beside it are %q", left)
				}
			})
		}
	}
}
