package staging

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// /proc is a mount point everywhere.
func TestAMountPointIsRefusedWithAdvice(t *testing.T) {
	_, err := New(t.Context(), "/proc", threeFiles, silent())
	if !errors.Is(err, errdef.ErrTargetNotEmpty) || !strings.Contains(err.Error(), mountAdvice) {
		t.Errorf("got %v", err)
	}
}

// busyDisk is a disk whose kernel reports a mount point only when it is exchanged.
type busyDisk struct{ osDisk }

func (busyDisk) exchange(a, b string) error {
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: syscall.EBUSY}
}

func TestAMountPointThatIsDetectedLateIsRefusedWithAdvice(t *testing.T) {
	target := filepath.Join(t.TempDir(), "parent", "target")
	oldContent.write(t, target)
	err := replace(t.Context(), busyDisk{}, target, newContent)
	if !errors.Is(err, errdef.ErrTargetNotEmpty) || !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), mountAdvice) {
		t.Errorf("got %v", err)
	}
	download := filepath.Base(namesOf(target).partialPath(downloadID(newContent["c"])))
	if left := beside(t, target); !slices.Equal(left, []string{download}) { // which is not fetched again
		t.Errorf("beside the target are %q", left)
	}
}
