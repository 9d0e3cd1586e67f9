package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// post asks about several repositories.
func (w *world) post(body string) (status int, r risksResponse, text string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.svc.handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/risk", strings.NewReader(body)))
	text = rec.Body.String()
	if err := json.Unmarshal(rec.Body.Bytes(), &r); err != nil {
		w.t.Errorf("%v in %s", err, text)
	}
	return rec.Code, r, text
}

func TestSeveralRepositoriesAreAskedAboutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const two = `{"repos":["git@example.org:b.git","https://example.org/c","https://example.org/a"]}`
		w.start()
		if status, _, text := w.post(two); status != http.StatusServiceUnavailable {
			t.Errorf("without a snapshot: %d, %s", status, text)
		}
		date, digest := w.publish(0)
		w.look()
		status, r, text := w.post(two)
		want := []answerResponse{
			{"git@example.org:b.git", true, date, 1}, {"https://example.org/c", false, "", 0}, {"https://example.org/a", true, date, 2},
		}
		if status != http.StatusOK || r.Unknown != 1 || r.Snapshot.Digest != digest || !slices.Equal(r.Answers, want) {
			t.Errorf("%d, %s", status, text)
		}
		many := `{"repos":["a"` + strings.Repeat(`,"a"`, maxRepos) + `]}`
		for body, want := range map[string]int{
			"": http.StatusBadRequest, "[]": http.StatusBadRequest, "{}": http.StatusBadRequest, `{"repos":[]}`: http.StatusBadRequest,
			`{"repos":[""]}`: http.StatusBadRequest, `{"repos":[1]}`: http.StatusBadRequest, many: http.StatusRequestEntityTooLarge,
			`{"repos":["` + strings.Repeat("a", maxBodyBytes) + `"]}`: http.StatusRequestEntityTooLarge,
		} {
			if status, _, text := w.post(body); status != want || !strings.Contains(text, `"error"`) {
				t.Errorf("%.20q: %d, want %d: %s", body, status, want, text)
			}
		}
		w.metrics(map[string]string{`lookups_total{outcome="several"}`: "1", `lookups_total{outcome="bad_request"}`: "8"})
	})
}

func TestARequestIsOneObjectAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.publish(0)
		w.start()
		const one = `{"repos":["https://example.org/a"]}`
		for body, want := range map[string]int{
			one + " \n": http.StatusOK, one + "\n" + one: http.StatusBadRequest, one + "]": http.StatusBadRequest,
			one + strings.Repeat(" ", maxBodyBytes): http.StatusRequestEntityTooLarge,
		} {
			if status, _, text := w.post(body); status != want {
				t.Errorf("%.80q: %d, want %d: %s", body, status, want, text)
			}
		}
	})
}

func TestASummaryCountsTheReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		if status, text := w.get("/summary", nil); status != http.StatusServiceUnavailable {
			t.Errorf("without a snapshot: %d, %s", status, text)
		}
		_, digest := w.publish(0)
		w.look()
		var sum summaryResponse
		status, text := w.get("/summary", &sum)
		if status != http.StatusOK || sum.Snapshot.Digest != digest || sum.OtherRisks != 3 || len(sum.Risks) != 6 || sum.Riskiest == nil {
			t.Errorf("%d, %s", status, text)
		}
	})
}
