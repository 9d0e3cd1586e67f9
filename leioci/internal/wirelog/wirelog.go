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

// Transport logs a line for each request at level debug, once its answer was read. It shows the method, the URL without
// its query, the status, the body's length, the time it took and which try it was: no header, no body, and no query,
// which is the credential of a signed URL.
type Transport struct {
	Base http.RoundTripper
	Log  logrus.FieldLogger
	// Redact returns the text of an error without what must not be shown.
	Redact func(error) error
}

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	line := func(fields logrus.Fields) {
		fields["method"] = req.Method
		fields["url"] = clean(req.URL)
		fields["duration"] = time.Since(start).Round(time.Microsecond)
		fields["try"] = retry.Number(req.Context())
		if req.ContentLength > 0 {
			fields["sent"] = req.ContentLength
		}
		t.Log.WithFields(fields).Debug("request")
	}
	resp, err := t.Base.RoundTrip(req)
	if err != nil {
		line(logrus.Fields{"error": t.Redact(err)})
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, done: func(n int64, err error) {
		fields := logrus.Fields{"status": resp.StatusCode, "bytes": n}
		if err != nil {
			fields["error"] = t.Redact(err)
		}
		line(fields)
	}}
	return resp, nil
}

// clean returns u without its query and without a user's name and password.
func clean(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// body tells when it is closed how much was read.
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
