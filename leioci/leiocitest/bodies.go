package leiocitest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Body answers as the registry does, but with another body: what edit makes of the right one.
func Body(edit func([]byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		right := record(r, registry)
		body := edit(right.Body.Bytes())
		answer(w, right, len(body), body)
	}
}

// Corrupt answers as the registry does, but with one bit changed in the byte at offset n of the body, if it has one.
func Corrupt(n int) Fault {
	return Body(func(b []byte) []byte {
		if n < len(b) {
			b[n] ^= 1
		}
		return b
	})
}

// Short answers as the registry does, but with a body that has lost its last n bytes, and a Content-Length that says so.
func Short(n int) Fault {
	return Body(func(b []byte) []byte { return b[:max(len(b)-n, 0)] })
}

// Truncate answers as the registry does and closes the connection after n bytes of the body.
func Truncate(n int) Fault {
	return interrupt(n, func(*http.Request) { panic(http.ErrAbortHandler) }) // net/http's way to cut a connection
}

// Stall answers as the registry does and falls silent after n bytes of the body, until the client goes away.
func Stall(n int) Fault {
	return interrupt(n, awaitLeave)
}

// Drip answers as the registry does, with n bytes of the body at a time and a pause after each.
func Drip(n int, pause time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&dripWriter{ResponseWriter: w, r: r, n: n, pause: pause}, r)
	}
}

// Endless answers 200 with a body that does not end before the client goes away.
func Endless() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		chunk := make([]byte, 32<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// IgnoreRange answers a request for a range with the whole.
func IgnoreRange() Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		whole := r.Clone(r.Context())
		whole.Header.Del("Range")
		registry.ServeHTTP(w, whole)
	}
}

// interrupt answers as the registry does up to n bytes of the body, and goes on with then.
func interrupt(n int, then func(*http.Request)) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&cutWriter{w, n}, r)
		_ = http.NewResponseController(w).Flush() // what the client has read by then is its test's affair
		then(r)
	}
}

// cutWriter takes the first bytes of a body and no more.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// dripWriter writes a little at a time.
type dripWriter struct {
	http.ResponseWriter
	r     *http.Request
	n     int
	pause time.Duration
}

func (d *dripWriter) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := d.ResponseWriter.Write(p[written:min(written+d.n, len(p))])
		if written += n; err != nil {
			return written, err
		}
		_ = http.NewResponseController(d.ResponseWriter).Flush() // a client that hangs up is its test's affair
		select {
		case <-time.After(d.pause):
		case <-d.r.Context().Done():
			return written, d.r.Context().Err()
		}
	}
	return written, nil
}

// record returns what the registry would answer.
func record(r *http.Request, registry http.Handler) *httptest.ResponseRecorder {
	right := httptest.NewRecorder()
	registry.ServeHTTP(right, r)
	return right
}

// answer sends the right header with the given length, and body.
func answer(w http.ResponseWriter, right *httptest.ResponseRecorder, length int, body []byte) {
	maps.Copy(w.Header(), right.Header())
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(right.Code)
	_, _ = w.Write(body) // a client that hangs up is its test's affair
}
