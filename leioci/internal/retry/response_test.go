package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return rt(req) }

// answering answers everything with a status, a Retry-After and a body.
func answering(status int, after, body string) roundTripper {
	return func(req *http.Request) (*http.Response, error) {
		header := http.Header{}
		if after != "" {
			header.Set("Retry-After", after)
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
}

// get sends a request and returns the error that go-containerregistry makes of a status other than
// 200.
func get(ctx context.Context, rt http.RoundTripper) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://registry/", nil)
	if err != nil {
		return err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return transport.CheckError(resp, http.StatusOK)
}

// outcome makes up to two tries with no delay of its own in between, and returns the number of
// requests, the wait and the error.
func outcome(t *testing.T, rt http.RoundTripper, most time.Duration) (tries int, waited time.Duration, err error) {
	t.Helper()
	p := retry.Policy{Attempts: 2, MinDelay: 1, MaxDelay: 1, MaxRetryAfter: most}
	err = p.Do(t.Context(), func(ctx context.Context) error {
		tries++
		return get(ctx, retry.Transport{Base: rt})
	}, func(_ error, wait time.Duration) { waited = wait })
	return tries, waited, err
}

func TestWhichResponsesAreRetried(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		again  bool
		late   bool // the error is Limited
	}{
		{408, "", true, false},
		{429, "", true, true},
		{429, "DENIED", true, true},
		{500, "UNKNOWN", true, false},
		{502, "", true, false},
		{503, "", true, false},
		{504, "", true, false},
		{403, "TOOMANYREQUESTS", true, true},
		{404, "UNAVAILABLE", true, false},
		{400, "BLOB_UPLOAD_INVALID", false, false},
		{401, "UNAUTHORIZED", false, false},
		{403, "DENIED", false, false},
		{404, "NAME_UNKNOWN", false, false},
		{416, "", false, false},
		{501, "", false, false},
		{505, "", false, false},
		{425, "", true, false},
		{520, "", true, false},
		{521, "", true, false},
		{522, "", true, false},
		{523, "UNKNOWN", true, false},
		{524, "", true, false},
		{525, "", false, false},
		{526, "", false, false},
		{527, "", true, false},
		{529, "", true, false},
		{530, "", true, false},
		{598, "", true, false},
		{599, "", true, false},
		{507, "", false, false},
		{511, "", false, false},
		{409, "", false, false},
	} {
		t.Run(fmt.Sprint(tc.status, " ", tc.code), func(t *testing.T) {
			body := ""
			if tc.code != "" {
				body = fmt.Sprintf(`{"errors":[{"code":"OTHER"},{"code":%q}]}`, tc.code)
			}
			tries, _, err := outcome(t, answering(tc.status, "", body), 0)
			var answer *transport.Error
			_, late := errdef.NoteOf[retry.Limited](err)
			if (tries == 2) != tc.again || late != tc.late || !errors.As(err, &answer) || answer.StatusCode != tc.status {
				t.Errorf("%d tries, got %v", tries, err)
			}
		})
	}
}
