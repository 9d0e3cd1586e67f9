package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

func (h *Handler) manifest(w http.ResponseWriter, r *http.Request, t target) error {
	m, err := h.from.Manifest(r.Context(), t.id)
	if err != nil {
		return h.unknown(r.Context(), err, "MANIFEST_UNKNOWN")
	}
	w.Header().Set("Content-Type", string(m.Descriptor.MediaType))
	digest := m.Descriptor.Digest.String()
	if t.digest.Hex != "" {
		digest = t.id // by whatever algorithm it was asked for
	}
	send(w, r, digest, int64(len(m.Raw)), bytes.NewReader(m.Raw))
	return nil
}

func (h *Handler) blob(w *response, r *http.Request, t target) error {
	f, size, err := h.from.OpenBlob(r.Context(), t.digest)
	if err != nil {
		return h.unknown(r.Context(), err, "BLOB_UNKNOWN")
	}
	defer func() { _ = f.Close() }() // nothing was written
	w.Header().Set("Content-Type", "application/octet-stream")
	c := &content{ctx: r.Context(), ReadSeeker: f}
	send(w, r, t.id, size, c)
	if c.err != nil && r.Context().Err() == nil {
		h.log.Warnf("blob %s of %s breaks off: %v", t.digest, h.from, c.err)
	}
	if length := w.Header().Get("Content-Length"); r.Method == http.MethodGet && length != "" && length != strconv.FormatInt(w.bytes, 10) {
		panic(http.ErrAbortHandler) // a short blob must not look like a whole one
	}
	return nil
}

// send sends content, or the parts of it that a GET asked for (RFC 9110, sections 13 and 14).
func send(w http.ResponseWriter, r *http.Request, digest string, size int64, c io.ReadSeeker) {
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Etag", `"`+digest+`"`)
	ranges := strings.Join(r.Header["Range"], ",")
	if size == 0 || r.Method != http.MethodGet || !strings.HasPrefix(ranges, "bytes=") || strings.Count(ranges, ",") >= mostRanges {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", time.Time{}, c)
}

// content is a blob that remembers why it could not be read.
type content struct {
	ctx context.Context
	io.ReadSeeker
	err error
}

func (c *content) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	n, err := c.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// missing says with a code that something is not here.
func missing(code string) problem { return problem{http.StatusNotFound, code, "it is not here"} }

// unknown returns that instead of an error that says so. What a place that has gone lacks says
// nothing: then its own error is returned, and the client may ask again.
func (h *Handler) unknown(ctx context.Context, err error, code string) error {
	if _, gone := h.from.Tags(ctx); gone == nil && errors.Is(err, errdef.ErrNotFound) {
		return missing(code)
	}
	return err
}
