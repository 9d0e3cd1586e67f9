// Package wirelog logs requests: enough to see what happens, and nothing that must stay secret.
package wirelog

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// Transport logs one line at debug level for each request, once it fails or its response body is
// closed. The line shows the method, the URL without its query, the status, the body length, the
// duration, and the number of the try. Nothing is done for a line that the logger's level, when the
// request begins, would drop. It never shows headers, bodies, or the query, which is the
// credential in a signed URL.
type Transport struct {
	Base http.RoundTripper
	Log  logrus.FieldLogger
	// Redact removes from an error what must not be shown.
	Redact func(error) error
	// Hide removes secrets from a URL: whoever redirects says what is in it.
	Hide func(string) string
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !Hears(t.Log, logrus.DebugLevel) {
		return t.Base.RoundTrip(req)
	}
	l := line{Transport: t, req: req, start: time.Now()}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		l.write(logrus.Fields{"error": t.Redact(err)})
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, line: l, status: resp.StatusCode}
	return resp, nil
}

// Hears reports whether anybody will see a message of a level. What a logger of an unknown kind does
// with it cannot be told.
func Hears(log logrus.FieldLogger, level logrus.Level) bool {
	switch log := log.(type) {
	case *logrus.Logger:
		return log.IsLevelEnabled(level)
	case *logrus.Entry:
		return log.Logger == nil || log.Logger.IsLevelEnabled(level)
	}
	return true
}

// line is the one of a request.
type line struct {
	Transport
	req   *http.Request
	start time.Time
}

func (l line) write(fields logrus.Fields) {
	fields["method"] = l.req.Method
	fields["url"] = l.Hide(cleanURL(l.req.URL))
	fields["duration"] = time.Since(l.start).Round(time.Microsecond)
	fields["try"] = retry.Number(l.req.Context())
	if l.req.ContentLength > 0 {
		fields["sent"] = l.req.ContentLength
	}
	l.Log.WithFields(fields).Debug("request")
}

// cleanURL returns u without its query, and without user name and password.
func cleanURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// body writes the line, with how much was read, when it is closed.
type body struct {
	io.ReadCloser
	line   line
	status int
	n      atomic.Int64
	err    atomic.Pointer[error]
	once   sync.Once
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		failed := err // err itself would be moved to the heap for each read
		b.err.Store(&failed)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() {
		fields := logrus.Fields{"status": b.status, "bytes": b.n.Load()}
		if failed := b.err.Load(); failed != nil {
			fields["error"] = b.line.Redact(*failed)
		}
		b.line.write(fields)
	})
	return err
}
