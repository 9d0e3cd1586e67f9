package retry_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/retry"
)

func TestWhichConnectionErrorsAreRetried(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		again bool
	}{
		"refused":                       {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"reset":                         {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"closed":                        {io.EOF, true},
		"a name server that is down":    {&net.DNSError{Err: "server misbehaving", IsTemporary: true}, true},
		"a name that does not exist":    {fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", IsNotFound: true}), false},
		"an untrusted certificate":      {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, false},
		"what is not TLS":               {tls.RecordHeaderError{Msg: "not TLS"}, false},
		"an alert of TLS":               {&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, false},
		"http where https was expected": {http.ErrSchemeMismatch, false},
	} {
		t.Run(name, func(t *testing.T) {
			tries, _, err := outcome(t, roundTripper(func(*http.Request) (*http.Response, error) { return nil, tc.err }), 0)
			if (tries == 2) != tc.again || !errors.Is(err, tc.err) {
				t.Errorf("%d tries, got %v", tries, err)
			}
		})
	}
}

func TestAnUntrustedServerIsAskedOnce(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log the client's alert
	server.StartTLS()
	defer server.Close()
	for name, url := range map[string]string{"its certificate": server.URL, "its protocol": "https" + strings.TrimPrefix(plain(t), "http")} {
		base := &http.Transport{}
		defer base.CloseIdleConnections()
		tries, _, err := outcome(t, roundTripper(func(req *http.Request) (*http.Response, error) {
			there, err := http.NewRequestWithContext(req.Context(), http.MethodGet, url, nil)
			if err != nil {
				return nil, err
			}
			return base.RoundTrip(there)
		}), 0)
		if tries != 1 || err == nil {
			t.Errorf("%s: %d tries, got %v", name, tries, err)
		}
	}
}

// plain starts a server without TLS and returns its URL.
func plain(t *testing.T) string {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnErrorOfAnEndedContextIsNotRetried(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	run := retry.Policy{Attempts: 2}.Run(func(error, time.Duration) {})
	err := get(run.Context(ctx), retry.Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, ctx.Err()
	})})
	if err := run.Wait(t.Context(), err); !errors.Is(err, context.Canceled) { // with a context that has not ended
		t.Errorf("got %v", err)
	}
}

func TestABodyThatBreaksOffIsATransientFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		again bool
	}{
		"broken off":  {io.ErrUnexpectedEOF, true},
		"reset":       {syscall.ECONNRESET, true},
		"its end":     {io.EOF, false},
		"not for TLS": {tls.RecordHeaderError{}, false},
	} {
		run := retry.Policy{Attempts: 2, MinDelay: 1, MaxDelay: 1}.Run(func(error, time.Duration) {})
		resp, err := retry.Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(failing{tc.err})}, nil
		})}.RoundTrip(httptest.NewRequestWithContext(run.Context(t.Context()), http.MethodGet, "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		n, err := resp.Body.Read(make([]byte, 8))
		if n != 1 || !errors.Is(err, tc.err) || tc.err == io.EOF && err != io.EOF {
			t.Errorf("%s: got %d, %v", name, n, err)
		}
		if again := run.Wait(t.Context(), err) == nil; again != tc.again {
			t.Errorf("%s: tried again: %v", name, again)
		}
		resp.Body.Close()
	}
}

// failing returns a byte and an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 1, f.err }

func TestRequestsOfOneTryMayRunConcurrently(t *testing.T) {
	// A ping asks over https and http at the same time, and does not wait for the slower one.
	run := retry.Policy{Attempts: 2, MinDelay: 1, MaxDelay: 1, MaxRetryAfter: time.Second}.Run(func(error, time.Duration) {})
	ctx := run.Context(t.Context())
	var g sync.WaitGroup
	for range 2 {
		g.Go(func() { _ = get(ctx, retry.Transport{Base: answering(http.StatusOK, "", "")}) })
	}
	if err := run.Wait(t.Context(), retry.Retryable(errBroken)); err != nil {
		t.Error(err)
	}
	g.Wait()
}
