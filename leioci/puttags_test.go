package leioci_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestATagThatWasNeverSentIsNotUnknown(t *testing.T) {
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	for _, why := range []error{
		&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")},
		&net.DNSError{Err: "no such host", IsNotFound: true},
		&tls.CertificateVerificationError{Err: errors.New("expired")},
	} {
		unreachable := roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPut && strings.HasSuffix(req.URL.Path, "/manifests/latest") {
				return nil, why
			}
			return base.RoundTrip(req)
		})
		assertLatestFailed(t.Context(), t, func(err error) bool { return errors.Is(err, why) }, leioci.WithTransport(unreachable))
	}
}

func TestTagsAreNotSentAfterTheContextEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.AddHook(hook(func(e *logrus.Entry) {
		if strings.HasSuffix(e.Message, ":2026-02-08") { // the first tag is done
			cancel()
		}
	}))
	assertLatestFailed(ctx, t, func(err error) bool { return errors.Is(err, context.Canceled) }, leioci.WithLogger(logger))
}

// assertLatestFailed pushes two tags. The second must fail for the right reason, and not as
// unknown.
func assertLatestFailed(ctx context.Context, t *testing.T, right func(error) bool, opts ...leioci.Option) {
	t.Helper()
	reg := leiocitest.NewRegistry(t)
	manifest, blobs := sample(t)
	_, err := newClient(t, opts...).Push(ctx, repository(t, reg), []string{"2026-02-08", "latest"}, manifest, blobs)
	var push *leioci.PushError
	if !errors.As(err, &push) || len(push.Failed) != 1 || push.Failed[0].Tag != "latest" || push.Failed[0].Unknown || !right(err) {
		t.Errorf("got %v", err)
	}
	if n := requestCount(reg, "PUT /v2/org/lei-cache/manifests/latest"); n > 0 {
		t.Errorf("the tag was put %d times", n)
	}
}

// hook is called for every log entry.
type hook func(*logrus.Entry)

func (hook) Levels() []logrus.Level           { return logrus.AllLevels }
func (h hook) Fire(entry *logrus.Entry) error { h(entry); return nil }
