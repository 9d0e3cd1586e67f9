package stall_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lowendinsight/lei-go/leioci/internal/stall"
)

// file returns an open file that contains content.
func file(t *testing.T, content string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheKernelMaySendAFileWhereItsOffsetShowsProgress(t *testing.T) {
	f := file(t, "content")
	defer f.Close()
	rt := stall.Transport{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		again, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		for _, body := range []io.ReadCloser{req.Body, again} {
			// Elsewhere the offset of a file does not change until all of it is sent.
			if _, bare := body.(*os.File); bare != (runtime.GOOS == "linux") {
				t.Errorf("the body is a %T", body)
			}
		}
		return &http.Response{StatusCode: http.StatusCreated, Body: http.NoBody}, nil
	}), Timeout: timeout, Answer: answer}
	req := request(t.Context(), t, http.MethodPut, nil)
	req.Body, req.ContentLength, req.GetBody = f, 7, func() (io.ReadCloser, error) { return f, nil }
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestABodyThatIsSentAgainIsWatchedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := stall.Transport{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, req.Body)
			again, err := req.GetBody() // as net/http does when a reused connection breaks
			if err != nil {
				return nil, err
			}
			for range 7 {
				time.Sleep(timeout - time.Second)
				if _, err := io.ReadFull(again, make([]byte, 1)); err != nil || req.Context().Err() != nil {
					return nil, errors.Join(err, req.Context().Err())
				}
			}
			return &http.Response{StatusCode: http.StatusCreated, Body: http.NoBody}, nil
		}), Timeout: timeout, Answer: timeout}
		resp, err := rt.RoundTrip(request(t.Context(), t, http.MethodPut, strings.NewReader("content")))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
}
