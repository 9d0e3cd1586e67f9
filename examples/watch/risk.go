package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
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
		s.looked("bad_request")
		s.reply(w, http.StatusBadRequest, errorResponse{
			Error: "exactly one repo parameter is required: /risk?repo=URL, with the URL escaped; POST asks for several",
		})
		return
	}
	in, release := s.acquire(w, repos[0])
	defer release()
	if in == nil {
		return
	}
	out := &reportWriter{w: bufio.NewWriter(w), repo: repos[0], info: in.info}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	err := out.writeAll(r.Context(), in)
	switch {
	case errors.Is(err, snapshot.ErrUnknown):
		s.looked("unknown")
		s.reply(w, http.StatusNotFound, errorResponse{"the snapshot has no report on this repository", repos[0], &in.info})
	case out.w.Flush() != nil || r.Context().Err() != nil:
		s.looked("aborted")
	case err != nil:
		s.looked("failed")
		s.log.WithError(err).Errorf("aborted the response for %q", repos[0])
		// The status may have been sent. Only a broken connection can still show that the response
		// is incomplete.
		panic(http.ErrAbortHandler)
	default:
		s.looked("found")
	}
}

// acquire returns the snapshot in use and a function that releases it. If there is none, it replies
// that.
func (s *service) acquire(w http.ResponseWriter, repo string) (*served, func()) {
	in, release := s.current.acquire()
	if in == nil {
		s.looked("no_snapshot")
		s.reply(w, http.StatusServiceUnavailable, errorResponse{Error: "no snapshot yet; see /healthz", Repo: repo})
	}
	return in, release
}

// looked counts a request for /risk.
func (s *service) looked(outcome string) { s.metrics.lookups.WithLabelValues(outcome).Inc() }

// A reportWriter writes a response one report at a time. A repository, such as "unknown", may have
// more reports than fit in memory.
type reportWriter struct {
	w    *bufio.Writer
	repo string
	info info
	n    int
}

func (o *reportWriter) writeAll(ctx context.Context, in *served) error {
	for report, err := range in.Find(ctx, o.repo) {
		if err == nil {
			err = o.write(report)
		}
		if err != nil {
			return err
		}
	}
	_, err := io.WriteString(o.w, "]}\n")
	return err
}

// write writes a report, and before the first what they all come from.
func (o *reportWriter) write(report snapshot.Report) error {
	before := []byte(",")
	if o.n++; o.n == 1 {
		head, err := json.Marshal(struct {
			Repo     string `json:"repo"`
			Snapshot info   `json:"snapshot"`
		}{o.repo, o.info})
		if err != nil {
			return err
		}
		before = append(head[:len(head)-1], `,"reports":[`...)
	}
	risk, err := json.Marshal(report.Risk)
	if err != nil {
		return err
	}
	for _, part := range [][]byte{before, []byte(`{"risk":`), risk, []byte(`,"report":`), report.Raw, []byte("}")} {
		if _, err := o.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
