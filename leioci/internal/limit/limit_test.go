package limit_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
)

// answers is a RoundTripper that gives the same answer to everything.
type answers struct {
	status int
	body   string
}

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

func TestTransportBoundsTheAnswersItIsAskedTo(t *testing.T) {
	for name, tc := range map[string]struct {
		answer  answers
		limited bool
		want    error
	}{
		"under":             {answers{http.StatusOK, "123"}, true, nil},
		"at":                {answers{http.StatusOK, "1234"}, true, nil},
		"over":              {answers{http.StatusOK, "12345"}, true, errdef.ErrTooLarge},
		"over, not limited": {answers{http.StatusOK, "12345"}, false, nil},
		"over, an error":    {answers{http.StatusNotFound, "12345"}, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if tc.limited {
				ctx = limit.Answer(ctx, 4)
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://registry/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := limit.Transport{Base: tc.answer}.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if !errors.Is(err, tc.want) || tc.want == nil && string(body) != tc.answer.body {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
}
