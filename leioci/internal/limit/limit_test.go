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

// answers is a RoundTripper that answers every request alike.
type answers struct {
	status int
	body   string
}

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

func TestTransportCutsErrorsShortAndClosesThem(t *testing.T) {
	closed := false
	endless := answer(func() io.ReadCloser { return endlessBody{&closed} })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://registry/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := limit.Transport{Base: endless, Most: 8}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	kept, err := io.ReadAll(resp.Body)
	if len(kept) != 64<<10 || err != nil || resp.StatusCode != http.StatusTeapot || !closed {
		t.Errorf("kept %d bytes, %v, status %d, closed: %v", len(kept), err, resp.StatusCode, closed)
	}
}

// answer is a RoundTripper that answers with an error; the function makes its body.
type answer func() io.ReadCloser

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusTeapot, Body: a()}, nil
}

// endlessBody never ends.
type endlessBody struct{ closed *bool }

func (e endlessBody) Read(p []byte) (int, error) { return len(p), nil }
func (e endlessBody) Close() error               { *e.closed = true; return nil }

func TestTransportLimitsSuccessfulAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answer  answers
		limited bool
		want    error
	}{
		"under":                {answers{http.StatusOK, "123"}, true, nil},
		"at":                   {answers{http.StatusOK, "1234"}, true, nil},
		"over":                 {answers{http.StatusOK, "12345"}, true, errdef.ErrTooLarge},
		"at the usual limit":   {answers{http.StatusOK, "12345678"}, false, nil},
		"over the usual limit": {answers{http.StatusOK, "123456789"}, false, errdef.ErrTooLarge},
		"over, an error":       {answers{http.StatusNotFound, "12345"}, true, nil},
		"a long error":         {answers{http.StatusNotFound, strings.Repeat("e", 64<<10)}, true, nil},
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
			resp, err := limit.Transport{Base: tc.answer, Most: 8}.RoundTrip(req)
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
