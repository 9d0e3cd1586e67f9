package wirelog_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
	"github.com/lowendinsight/lei-go/leioci/internal/wirelog"
)

func TestALineSaysWhichTryItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := retry.Policy{Attempts: 3, MinDelay: 1, MaxDelay: 1}.Do(t.Context(), func(ctx context.Context) error {
			tries++
			if entries, text := logged(ctx, t, answering(http.NoBody), 1); len(entries) != 1 || entries[0].Data["try"] != tries {
				t.Errorf("try %d: got %s", tries, text)
			}
			return retry.Retryable(io.ErrUnexpectedEOF)
		}, func(error, time.Duration) {})
		if err == nil || tries != 3 {
			t.Errorf("got %v after %d tries", err, tries)
		}
	})
}

func TestAControlCharacterInAURLDoesNotReachTheLog(t *testing.T) {
	log, _ := logtest.NewNullLogger()
	var text bytes.Buffer
	log.SetOutput(&text)
	log.SetLevel(logrus.DebugLevel)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example/%1b%5b2J%0aa", nil)
	resp, err := wirelog.Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}), Log: log, Redact: redact, Hide: hide}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if strings.ContainsAny(strings.TrimSuffix(text.String(), "\n"), "\x1b\n") || !strings.Contains(text.String(), "%1B") {
		t.Errorf("got %q", text.String())
	}
}
