package serve

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// A problem is a response that is an error ("Error Codes").
type problem struct {
	status        int
	code, message string
}

func (p problem) Error() string { return p.code + ": " + p.message }

// fail answers with an error. What the client has no part in is logged, and not told: the error may
// have names of files.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, t target, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody needs an answer
	}
	var p problem
	if !errors.As(err, &p) {
		h.log.Warnf("%s of %s cannot be served: %v", t.id, h.from, err)
		p = problem{http.StatusServiceUnavailable, "UNAVAILABLE", "it cannot be read now; the server's log says why"}
		if errors.Is(err, errdef.ErrVerification) || errors.Is(err, errdef.ErrTooLarge) {
			p = problem{http.StatusInternalServerError, "UNKNOWN", "it is damaged here; the server's log says how"}
		}
	}
	writeJSON(w, "application/json", p.status, map[string]any{
		"errors": []map[string]string{{"code": p.code, "message": p.message}},
	})
}

// writeJSON answers with JSON of a known length, so that HEAD tells it, too.
func writeJSON(w http.ResponseWriter, contentType string, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // these values have a form in JSON
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not take it has gone; after HEAD, nobody does
}
