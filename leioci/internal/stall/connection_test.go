package stall_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/stall"
)

// upload sends a file over a connection of the network to a handler, and returns the error.
// The file is closed then.
func upload(t *testing.T, size int64, timeout time.Duration, handler http.HandlerFunc) error {
	t.Helper()
	f := file(t, "")
	if err := os.Truncate(f.Name(), size); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Body, req.ContentLength = f, size
	resp, err := stall.Transport{Base: transport, Timeout: timeout, Answer: time.Minute}.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if _, err := f.Seek(0, io.SeekStart); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is left open: %v", err)
	}
	return err
}

func TestAFileThatThePeerDoesNotTakeIsStalled(t *testing.T) {
	release := make(chan struct{})
	err := upload(t, 1<<30, 50*time.Millisecond, func(http.ResponseWriter, *http.Request) { <-release })
	close(release) // before the server waits for its handler
	if !errors.Is(err, errdef.ErrStalled) {
		t.Errorf("got %v", err)
	}
}

func TestAFileIsSentWhole(t *testing.T) {
	got := int64(0)
	err := upload(t, 1<<20, time.Minute, func(_ http.ResponseWriter, r *http.Request) { got, _ = io.Copy(io.Discard, r.Body) })
	if err != nil || got != 1<<20 {
		t.Errorf("got %d bytes, %v", got, err)
	}
}
