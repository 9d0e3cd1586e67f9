package registry

import (
	"io"
	"os"
	"runtime"
)

// open opens the content from its beginning, for one request.
func (u *stream) open() (io.ReadCloser, error) {
	body, err := openContent(u.blob, u.size)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.body = body
	return body, nil
}

// offset returns how much of the content was sent, or 0 if that cannot be told: only Linux moves the
// offset of a file while it is sent. net/http closes the file after the last byte.
func (u *stream) offset() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, ok := u.body.(*os.File)
	if !ok || runtime.GOOS != "linux" {
		return 0
	}
	n, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return u.size
	}
	return n
}
