package leiocitest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// Status answers with a status and, if code is not empty, an error in the format of the OCI
// distribution specification.
func Status(status int, code string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		if code != "" {
			fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"injected"}]}`, code)
		}
	}
}

// RetryAfter answers with a status and a Retry-After header, which may be a number of seconds, a
// date, or nonsense.
func RetryAfter(status int, value string) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		w.Header().Set("Retry-After", value)
		Status(status, "")(w, r, registry)
	}
}

// HugeError answers with a status and n bytes of text that is not an error in the format of the
// specification.
func HugeError(status, n int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.Repeat("e", n))) // a client may hang up; the test will notice
	}
}

// Redirect answers with a status such as 307 and a Location: a URL or a path. If a URL ends with
// its host, the request's own path is appended. So Redirect(307, "http://storage.localhost")
// redirects each blob to the same path on that host.
func Redirect(status int, location string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		to := location
		if _, host, ok := strings.Cut(location, "://"); ok && !strings.Contains(host, "/") {
			to += r.URL.RequestURI()
		}
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// Cut closes the connection without a response. net/http resends a GET or HEAD by itself if a
// reused connection breaks before the response begins; inject the fault [Always] to break that one
// too.
func Cut() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// Hang reads the request and does not respond until the client goes away. It sends to reached once
// it gets the request, so reached needs a buffer; it may also be nil.
func Hang(reached chan<- struct{}) Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		if reached != nil {
			reached <- struct{}{}
		}
		awaitDisconnect(r)
	}
}

// awaitDisconnect returns when the client has gone away. net/http's server notices that only after
// the request body was read.
func awaitDisconnect(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // an error means that the client has gone
	<-r.Context().Done()
}

// Header answers as the registry does, with a header set to another value, or left out if value is
// empty.
func Header(name, value string) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&headerWriter{ResponseWriter: w, name: name, value: value}, r)
	}
}

// Location answers as the registry does, with another Location: edit gets the original and returns
// the new one. If that is empty, the header is left out.
func Location(edit func(string) string) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		original := capture(r, registry)
		replay := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), original.Header())
			w.WriteHeader(original.Code)
			_, _ = w.Write(original.Body.Bytes()) // a client may hang up; the test will notice
		})
		Header("Location", edit(original.Header().Get("Location")))(w, r, replay)
	}
}

// headerWriter changes a header before the response is sent.
type headerWriter struct {
	http.ResponseWriter
	name, value string
	done        bool
}

func (h *headerWriter) WriteHeader(status int) {
	if !h.done {
		h.done = true
		if h.value == "" {
			h.Header().Del(h.name)
		} else {
			h.Header().Set(h.name, h.value)
		}
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *headerWriter) Write(p []byte) (int, error) {
	if !h.done {
		h.WriteHeader(http.StatusOK)
	}
	return h.ResponseWriter.Write(p)
}
