package leiocitest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Body answers as the registry does, but with another body: edit gets the original and returns the
// new one.
func Body(edit func([]byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		original := capture(r, registry)
		body := edit(original.Body.Bytes())
		writeResponse(w, original, len(body), body)
	}
}

// Corrupt answers as the registry does, but flips one bit in the byte at offset n of the body, if
// there is one.
func Corrupt(n int) Fault {
	return Body(func(b []byte) []byte {
		if n < len(b) {
			b[n] ^= 1
		}
		return b
	})
}

// Short answers as the registry does, but without the last n bytes of the body, and with a
// Content-Length to match.
func Short(n int) Fault {
	return Body(func(b []byte) []byte { return b[:max(len(b)-n, 0)] })
}

// Truncate answers as the registry does, and closes the connection after n bytes of the body.
func Truncate(n int) Fault {
	return interrupt(n, func(*http.Request) { panic(http.ErrAbortHandler) }) // net/http's way to cut a connection
}

// Stall answers as the registry does, but sends nothing more after n bytes of the body, until the
// client goes away.
func Stall(n int) Fault {
	return interrupt(n, awaitDisconnect)
}

// Drip answers as the registry does, but sends n bytes of the body at a time and pauses after each
// piece.
func Drip(n int, pause time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&dripWriter{ResponseWriter: w, r: r, n: n, pause: pause}, r)
	}
}

// Endless answers 200 with a body that goes on until the client goes away.
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

// IgnoreRange answers a range request with the whole content.
func IgnoreRange() Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		whole := r.Clone(r.Context())
		whole.Header.Del("Range")
		registry.ServeHTTP(w, whole)
	}
}

// interrupt answers as the registry does, up to n bytes of the body, and then calls then.
func interrupt(n int, then func(*http.Request)) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&cutWriter{w, n}, r)
		_ = http.NewResponseController(w).Flush() // a client may hang up; the test will notice
		then(r)
	}
}

// cutWriter writes only the first bytes of a body.
type cutWriter struct {
	http.ResponseWriter
	remaining int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.remaining)])
	c.remaining -= n
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// dripWriter writes a few bytes at a time.
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
		_ = http.NewResponseController(d.ResponseWriter).Flush() // a client may hang up; the test will notice
		select {
		case <-time.After(d.pause):
		case <-d.r.Context().Done():
			return written, d.r.Context().Err()
		}
	}
	return written, nil
}

// capture returns what the registry would answer.
func capture(r *http.Request, registry http.Handler) *httptest.ResponseRecorder {
	original := httptest.NewRecorder()
	registry.ServeHTTP(original, r)
	return original
}

// writeResponse sends the original status and header, with the given Content-Length and body.
func writeResponse(w http.ResponseWriter, original *httptest.ResponseRecorder, length int, body []byte) {
	maps.Copy(w.Header(), original.Header())
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(original.Code)
	_, _ = w.Write(body) // a client may hang up; the test will notice
}
