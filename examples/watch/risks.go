package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// The limits of one request for several repositories.
const (
	maxRepos     = 1000
	maxBodyBytes = 1 << 20
)

// A risksResponse answers POST /risk, in the order of the request.
type risksResponse struct {
	Snapshot info             `json:"snapshot"`
	Unknown  int              `json:"unknown"` // how many of the answers
	Answers  []answerResponse `json:"answers"`
}

type answerResponse struct {
	Repo    string `json:"repo"`
	Known   bool   `json:"known"`
	Risk    string `json:"risk,omitempty"`
	Reports int64  `json:"reports"`
}

// risks answers POST /risk for several repositories. The risk is that of [snapshot.Answer].
func (s *service) risks(w http.ResponseWriter, r *http.Request) {
	repos, status, err := reposIn(w, r)
	if err != nil {
		s.looked("bad_request")
		s.reply(w, status, errorResponse{Error: err.Error()})
		return
	}
	in, release := s.acquire(w, "")
	defer release()
	if in == nil {
		return
	}
	answers, err := in.Risks(r.Context(), repos...)
	switch {
	case r.Context().Err() != nil:
		s.looked("aborted")
		return
	case err != nil:
		s.looked("failed")
		s.log.WithError(err).Errorf("no answer about %d repositories", len(repos))
		s.reply(w, http.StatusInternalServerError, errorResponse{Error: "the snapshot cannot be read", Snapshot: &in.info})
		return
	}
	response := risksResponse{Snapshot: in.info, Answers: make([]answerResponse, len(answers))}
	for i, a := range answers {
		response.Answers[i] = answerResponse{a.Repo, a.Known(), a.Risk, a.Reports}
		if !a.Known() {
			response.Unknown++
		}
	}
	s.looked("several")
	s.reply(w, http.StatusOK, response)
}

// reposIn reads the repositories that a request is about, or returns the status for an error.
func reposIn(w http.ResponseWriter, r *http.Request) (repos []string, status int, err error) {
	var body struct{ Repos []string }
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err = decoder.Decode(&body); err == nil {
		err = atEnd(decoder) // a second object would be left without an answer
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || len(body.Repos) > maxRepos {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("at most %d repositories in %d bytes are allowed", maxRepos, maxBodyBytes)
	}
	if err != nil || len(body.Repos) == 0 || slices.Contains(body.Repos, "") {
		return nil, http.StatusBadRequest, errors.New(`repositories are required, as JSON: {"repos":["URL","URL"]}`)
	}
	return body.Repos, 0, nil
}

// atEnd returns an error if there is more to decode.
func atEnd(decoder *json.Decoder) error {
	switch _, err := decoder.Token(); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("more than one value")
	default:
		return err
	}
}

// A summaryResponse answers GET /summary.
type summaryResponse struct {
	Snapshot   info             `json:"snapshot"`
	Risks      map[string]int64 `json:"risks"` // reports for each, "" for none
	OtherRisks int64            `json:"other_risks"`
	Riskiest   []riskyResponse  `json:"riskiest"`
}

type riskyResponse struct {
	Repo string `json:"repo"`
	Risk string `json:"risk"`
}

// summary answers GET /summary.
func (s *service) summary(w http.ResponseWriter, r *http.Request) {
	in, release := s.current.acquire()
	defer release()
	if in == nil {
		s.reply(w, http.StatusServiceUnavailable, errorResponse{Error: "no snapshot yet; see /healthz"})
		return
	}
	sum, err := in.Summary(r.Context())
	if err != nil {
		s.log.WithError(err).Error("no summary")
		s.reply(w, http.StatusInternalServerError, errorResponse{Error: "the snapshot cannot be read", Snapshot: &in.info})
		return
	}
	response := summaryResponse{in.info, sum.Risks, sum.OtherRisks, make([]riskyResponse, len(sum.Riskiest))}
	for i, risky := range sum.Riskiest {
		response.Riskiest[i] = riskyResponse(risky)
	}
	s.reply(w, http.StatusOK, response)
}
