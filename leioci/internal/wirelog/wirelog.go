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
// duration, and the number of the try. It never shows headers, bodies, or the query, which is the
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
	start := time.Now()
	logRequest := func(fields logrus.Fields) {
		fields["method"] = req.Method
		fields["url"] = t.Hide(cleanURL(req.URL))
		fields["duration"] = time.Since(start).Round(time.Microsecond)
		fields["try"] = retry.Number(req.Context())
		if req.ContentLength > 0 {
			fields["sent"] = req.ContentLength
		}
		t.Log.WithFields(fields).Debug("request")
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		logRequest(logrus.Fields{"error": t.Redact(err)})
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, done: func(n int64, err error) {
		fields := logrus.Fields{"status": resp.StatusCode, "bytes": n}
		if err != nil {
			fields["error"] = t.Redact(err)
		}
		logRequest(fields)
	}}
	return resp, nil
}

// cleanURL returns u without its query, and without user name and password.
func cleanURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// body reports how much was read when it is closed.
type body struct {
	io.ReadCloser
	n    atomic.Int64
	err  atomic.Pointer[error]
	once sync.Once
	done func(int64, error)
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		b.err.Store(&err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() {
		var failed error
		if p := b.err.Load(); p != nil {
			failed = *p
		}
		b.done(b.n.Load(), failed)
	})
	return err
}
