// Package serve is a registry that is only read (OCI distribution specification 1.1, the categories
// "Pull" and "Content Discovery") over a place on this machine that keeps a repository.
//
// Nothing that a client sends is stored, and no part of a URL becomes the name of a file. What is
// sent comes from where it is stored, a piece at a time, so memory does not depend on the size of a
// blob. How many clients there may be at once is up to the server.
package serve

import (
	"net/http"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/store"
)

const (
	maxPath, maxName = 1024, 255 // bytes
	// mostRanges is how many ranges of a blob a request gets. RFC 9110, section 14.2, lets a server
	// ignore those of a client that requests many.
	mostRanges = 16
	// stalled is how long a client may take nothing at all. A download that goes on is not cut, if the
	// client takes a third of the kernel's buffer in that time: only then, Linux lets one write again.
	stalled = 10 * time.Minute
	// unwanted is how long the body of a request, which means nothing here, is waited for.
	unwanted = time.Second
)

// A Handler serves a repository.
type Handler struct {
	from store.Local
	name string // of the repository; any, if empty
	log  logrus.FieldLogger
}

// New returns a handler that serves a repository under a name, or under any if name is empty. To log
// go requests, at level debug, and as warnings failures of the place.
func New(from store.Local, name string, log logrus.FieldLogger) *Handler {
	return &Handler{from, name, log}
}

// ServeHTTP implements [http.Handler]. It sets the deadlines of the connection itself, so that a
// server's own WriteTimeout cuts nothing.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	connection := http.NewResponseController(w)
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		// It would be read to its end before the next request.
		w.Header().Set("Connection", "close")
		_ = connection.SetReadDeadline(time.Now().Add(unwanted))
	}
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	sent := &response{ResponseWriter: w, connection: connection}
	defer func() {
		h.log.Debugf("%.20q %.200q from %s: %d, %d bytes", r.Method, r.URL.Path, r.RemoteAddr, sent.status, sent.bytes)
	}()
	h.serve(sent, r)
}

func (h *Handler) serve(w *response, r *http.Request) {
	t, err := parse(r.URL)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		err = onlyRead
	case err != nil:
	case h.name != "" && t.name != "" && t.name != h.name:
		err = noRepository
	case t.kind == "manifests":
		err = h.manifest(w, r, t)
	case t.kind == "blobs":
		err = h.blob(w, r, t)
	case t.kind == "tags":
		err = h.tags(w, r, t)
	case t.kind == "referrers":
		err = h.referrers(w, r, t)
	default: // it is asked whether this is a registry
		writeJSON(w, "application/json", http.StatusOK, struct{}{})
	}
	if err != nil {
		h.fail(w, r, t, err)
	}
}

// response extends the connection's deadline with every piece, and remembers what was sent.
type response struct {
	http.ResponseWriter
	connection *http.ResponseController
	status     int
	bytes      int64
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	w.extend()
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *response) extend() {
	_ = w.connection.SetWriteDeadline(time.Now().Add(stalled)) // without deadlines, there is no connection
}
