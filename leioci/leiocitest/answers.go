package leiocitest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// Status answers with a status and, where code is not empty, an error of the OCI distribution specification.
func Status(status int, code string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		if code != "" {
			fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"injected"}]}`, code)
		}
	}
}

// RetryAfter answers with a status and a Retry-After header: a number of seconds, a date, or nonsense.
func RetryAfter(status int, value string) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		w.Header().Set("Retry-After", value)
		Status(status, "")(w, r, registry)
	}
}

// HugeError answers with a status and n bytes of text that is no error of the specification.
func HugeError(status, n int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.Repeat("e", n))) // a client that hangs up is its test's affair
	}
}

// Redirect answers with a status such as 307 and a Location: a URL or path, after which the request's own path comes if
// it ends with "://HOST" (so that Redirect(307, "http://storage.localhost") sends each blob to its like).
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

// Cut closes the connection without an answer. net/http sends a GET or HEAD again by itself where a kept connection
// breaks before the answer begins; inject the fault [Always] to break that one too.
func Cut() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// Hang reads the request and gives no answer until the client goes away. It tells reached, which must have room, that it
// was asked; reached may be nil.
func Hang(reached chan<- struct{}) Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		if reached != nil {
			reached <- struct{}{}
		}
		awaitLeave(r)
	}
}

// awaitLeave returns when the client has gone away. net/http's server looks out for that only once it has read the body.
func awaitLeave(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // its error is that the client has gone
	<-r.Context().Done()
}

// Header answers as the registry does, with a header set to another value, or left out if that is empty.
func Header(name, value string) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		registry.ServeHTTP(&headerWriter{ResponseWriter: w, name: name, value: value}, r)
	}
}

// Location answers as the registry does, with another Location: what edit makes of the right one. If that is empty, it is
// left out.
func Location(edit func(string) string) Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		right := record(r, registry)
		Header("Location", edit(right.Header().Get("Location")))(w, r, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), right.Header())
			w.WriteHeader(right.Code)
			_, _ = w.Write(right.Body.Bytes()) // a client that hangs up is its test's affair
		}))
	}
}

// headerWriter changes a header before it is sent.
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
