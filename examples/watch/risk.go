package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
)

// An errorResponse is a response without reports.
type errorResponse struct {
	Error    string `json:"error"`
	Repo     string `json:"repo,omitempty"`
	Snapshot *info  `json:"snapshot,omitempty"`
}

// risk answers GET /risk?repo=URL.
func (s *service) risk(w http.ResponseWriter, r *http.Request) {
	repos := r.URL.Query()["repo"]
	if len(repos) != 1 || repos[0] == "" {
		s.metrics.lookups.WithLabelValues("bad_request").Inc()
		s.reply(w, http.StatusBadRequest, errorResponse{
			Error: "exactly one repo parameter is required: /risk?repo=URL, with the URL escaped",
		})
		return
	}
	ix, release := s.current.acquire()
	defer release()
	if ix == nil {
		s.metrics.lookups.WithLabelValues("no_snapshot").Inc()
		s.reply(w, http.StatusServiceUnavailable, errorResponse{Error: "no snapshot yet; see /healthz", Repo: repos[0]})
		return
	}
	found := ix.reports[repos[0]]
	if len(found) == 0 {
		s.metrics.lookups.WithLabelValues("unknown").Inc()
		s.reply(w, http.StatusNotFound, errorResponse{"the snapshot has no report on this repository", repos[0], &ix.info})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	out := bufio.NewWriter(w)
	err := ix.write(out, repos[0], found)
	if flushErr := out.Flush(); flushErr != nil { // also returns an earlier write error, then the same as err
		s.metrics.lookups.WithLabelValues("aborted").Inc()
		return
	}
	if err != nil {
		s.metrics.lookups.WithLabelValues("failed").Inc()
		s.log.WithError(err).Errorf("aborted the response for %q", repos[0])
		// The status may have been sent. Only a broken connection can still show that the response
		// is incomplete.
		panic(http.ErrAbortHandler)
	}
	s.metrics.lookups.WithLabelValues("found").Inc()
}

// write writes a response one report at a time. A repository, such as "unknown", may have more
// reports than fit in memory.
func (ix *index) write(w io.Writer, repo string, found []entry) error {
	head, err := json.Marshal(struct {
		Repo     string `json:"repo"`
		Snapshot info   `json:"snapshot"`
	}{repo, ix.info})
	if err != nil {
		return err
	}
	parts := [][]byte{head[:len(head)-1], []byte(`,"reports":[`)}
	for i, e := range found {
		risk, err := json.Marshal(e.risk.Value())
		if err != nil {
			return err
		}
		raw, err := ix.read(e)
		if err != nil {
			return err
		}
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, []byte(`{"risk":`), risk, []byte(`,"report":`), raw, []byte("}"))
		if err := writeAll(w, parts); err != nil {
			return err
		}
		parts = parts[:0]
	}
	return writeAll(w, [][]byte{[]byte("]}\n")})
}

func writeAll(w io.Writer, parts [][]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
