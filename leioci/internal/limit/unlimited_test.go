package limit_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/limit"
)

func TestAnAnswerThatIsTooLongIsClosed(t *testing.T) {
	closed := false
	endless := answer(func() io.ReadCloser { return endlessBody{&closed} })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://registry/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := limit.Transport{Base: found{endless}, Most: 8}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for range 2 {
		if got, err := io.ReadAll(resp.Body); !errors.Is(err, errdef.ErrTooLarge) || len(got) > 8 || !closed {
			t.Errorf("got %d bytes, %v, closed: %v", len(got), err, closed)
		}
	}
}

// found turns every answer into a success.
type found struct{ http.RoundTripper }

func (f found) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.RoundTripper.RoundTrip(req)
	resp.StatusCode = http.StatusOK
	return resp, err
}

func TestTheHighestLimitIsNoLimit(t *testing.T) {
	req, err := http.NewRequestWithContext(limit.Answer(t.Context(), math.MaxInt64), http.MethodGet, "http://registry/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := limit.Transport{Base: answers{http.StatusOK, "content"}, Most: 1}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); string(got) != "content" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
