package limit

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// maxTokenTime is how long the response of a token server may take after its header. It is at most
// 64 KiB long, and content is what may take its time.
const maxTokenTime = time.Minute

// isPing reports whether req only asks how to authenticate. Nobody needs the body of its response,
// but it is read to its end, so that the connection can be used again.
func isPing(req *http.Request) bool { return req.Method == http.MethodGet && req.URL.Path == "/v2/" }

// isTokenRequest reports whether req asks for a token in one of go-containerregistry's ways
// (remote/transport/bearer.go), or is a redirect of such a request.
func isTokenRequest(req *http.Request) bool {
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	if req.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		return true
	}
	if !strings.Contains(req.URL.RawQuery, "scope=") { // as package url writes it; to parse the state of an upload takes long
		return false
	}
	q := req.URL.Query()
	return q.Has("scope") && q.Has("service")
}

// timed is a body that is closed when its time is up.
type timed struct {
	io.ReadCloser
	timer *time.Timer
	late  atomic.Bool
}

func newTimed(rc io.ReadCloser, most time.Duration) *timed {
	t := &timed{ReadCloser: rc}
	t.timer = time.AfterFunc(most, func() {
		t.late.Store(true)
		_ = rc.Close()
	})
	return t
}

func (t *timed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil && err != io.EOF && t.late.Load() {
		err = fmt.Errorf("%w: the rest of the response did not come in time: %w", errdef.ErrStalled, err)
	}
	return n, err
}

func (t *timed) Close() error {
	t.timer.Stop()
	return t.ReadCloser.Close()
}
