package resume

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// Check returns an error, errdef.ErrVerification, if a response by its header does not hold what
// was requested: the byte range, if it holds a part (status 206), and otherwise the whole content.
// size is the content's length, or SizeUnknown.
//
// A part that is longer or shorter than the range is refused too, and so are several parts in one
// response (multipart/byteranges): they are allowed, but nobody who was asked for one range needs
// them. A Content-Encoding is no reason: some storages name one that was applied before the content
// got its digest. The digest tells.
func Check(resp *http.Response, byteRange string, size int64) error {
	if resp.StatusCode != http.StatusPartialContent {
		if size != SizeUnknown && resp.ContentLength >= 0 && resp.ContentLength != size {
			return mismatch("registry announces %d bytes, want %d", resp.ContentLength, size)
		}
		return nil
	}
	asked, ok := strings.CutPrefix(byteRange, "bytes=")
	if !ok {
		return mismatch("registry sends a part, want the whole")
	}
	want, got := fmt.Sprintf("bytes %s/%d", asked, size), resp.Header.Get("Content-Range") // RFC 9110, section 14.4
	if got != want && got != "bytes "+asked+"/*" {
		return mismatch("want Content-Range %q, got %q", want, got)
	}
	return nil
}

// mismatched is noted on the error of a response that is not what was requested.
type mismatched struct{}

func mismatch(format string, args ...any) error {
	return errdef.WithNote(fmt.Errorf("%w: %s", errdef.ErrVerification, fmt.Sprintf(format, args...)), mismatched{})
}

// Mismatched reports whether err is that of [Check]: none of the response was read.
func Mismatched(err error) bool {
	_, ok := errdef.NoteOf[mismatched](err)
	return ok
}
