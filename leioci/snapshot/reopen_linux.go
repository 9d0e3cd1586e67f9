package snapshot

import (
	"errors"
	"os"
	"strconv"
)

// reopen opens the file that f has open once more, with an offset of its own, even if it has no
// name any more.
func reopen(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var again *os.File
	controlErr := conn.Control(func(fd uintptr) { // f cannot be closed meanwhile
		again, err = os.Open("/proc/self/fd/" + strconv.FormatUint(uint64(fd), 10))
	})
	if err := errors.Join(controlErr, err); err != nil {
		return nil, err
	}
	if !sameFile(f, again) { // what is at /proc need not be the proc file system
		_ = again.Close() // opened for reading: nothing to lose
		return nil, os.ErrInvalid
	}
	return again, nil
}

func sameFile(a, b *os.File) bool {
	infoA, errA := a.Stat()
	infoB, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
